/** What the rollout is planned from, and what the plan says. */
import type { Routing } from '../../../contract/routing.ts'
import type { ModelVersion } from '../../api/v1alpha1/model-version.ts'
import type { Command, Rollout, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import type { SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'
import type { Blocked } from '../blocked.ts'
import { durationMs } from '../duration.ts'
import type { Serving } from '../model-observed.ts'
import type { Commands } from './commands.ts'
import type { RecordedDecision } from './decision.ts'
import type { EvidenceObserved, Lagging } from './evidence.ts'
import type { Promotion } from './switch.ts'

export interface RolloutInput {
  /** Whose rollout it is. */
  model: { namespace: string; name: string }
  /** What the front Service selects now. */
  stable: string | undefined
  /** The version of the current spec. */
  desired: string
  /** spec.serving.version */
  pin: string | undefined
  versions: readonly ModelVersion[]
  serving: readonly Serving[]
  settings: Rollout
  /** Pods of a version that has all of the traffic. */
  replicas: number
  before: SentimentModelStatus | undefined
  commands: Commands
  evidence: EvidenceObserved | undefined
  /** The routing file as it is. */
  routing: Routing | undefined
  /** The newest decision on record. */
  lastDecision: RecordedDecision | undefined
}

export interface RolloutPlan {
  stable: string | undefined
  /** The version that runs beside stable. */
  candidate: string | undefined
  /** A version that was given up: it gets nothing, and its pods stay until every stable pod has confirmed that. */
  withdrawing: string | undefined
  /** Of the candidate. */
  replicas: number
  perMille: number
  shadowPerMille: number
  promotion: Promotion | undefined
  /** The record of the rollout that this promotion ends, with the evidence that it rests on. */
  promoted: RolloutStatus | undefined
  /** The record of the rollout: under way, or how the last one ended. */
  status: RolloutStatus | undefined
  /** The record as it was, with what this look has counted: what has to be kept where nothing else of the plan can be. */
  counted: RolloutStatus | undefined
  rejected: NonNullable<SentimentModelStatus['rejected']>
  commands: Command[]
  /** Stable pods that do not run the routing file yet. */
  lagging: Lagging[]
  /** Golden texts are to be sent to this version now. */
  rehearse: string | undefined
  blocked: Blocked | undefined
  requeueAfterMs: number | undefined
}

export const servingOf = (input: RolloutInput, version: string) =>
  input.serving.find((serving) => serving.version === version)

export const perMilleOf = ({ weight }: RolloutStatus) => Math.round(weight * 10)

export const shadowPerMilleOf = ({ phase }: RolloutStatus, { shadow }: Rollout) =>
  phase === 'Shadowing' ? Math.round((shadow?.sample ?? 0) * 10) : 0

export const isOverdue = ({ startedAt }: RolloutStatus, { deadline }: Rollout, now: number) =>
  now - Date.parse(startedAt) > durationMs(deadline)
export const overdueText = ({ verdict }: RolloutStatus, { deadline }: Rollout) =>
  `not decided within rollout.deadline (${deadline})${verdict ? `: ${verdict.message}` : ''}`
