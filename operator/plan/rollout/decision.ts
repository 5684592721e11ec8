/** What is to be written down of a rollout, and whether what was written down holds. Pure. */
import { createHash } from 'node:crypto'
import type { Decision, DecisionKind } from '../../../contract/decision.ts'
import type { ModelVersion } from '../../api/v1alpha1/model-version.ts'
import type { RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import type { SentimentModel, SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'
import { isoTime } from '../conditions.ts'
import { endOfRollout, type Outcome } from './outcome.ts'
import { hardStop, judge, VERDICT_REASONS, type Verdict } from './verdict.ts'

/** All but its place in the chain. */
export type DecisionContent = Omit<Decision, 'number' | 'previous' | 'operator'>

const KINDS: Record<Outcome['outcome'], DecisionKind> = {
  Promoted: 'Promote',
  RolledBack: 'RollBack',
  Aborted: 'Abort',
  Superseded: 'Supersede',
}

/** Of a decision on record, what a later look has to know. */
export type RecordedDecision = Pick<Decision, 'kind' | 'reason' | 'message' | 'candidate' | 'startedAt'>

export interface DecisionInput {
  model: SentimentModel
  versions: readonly ModelVersion[]
  after: SentimentModelStatus
  /** The record of the rollout that ends with a promotion, with what was counted up to now. */
  promoted: RolloutStatus | undefined
}

/** The decision that the step from the model's status to `after` makes; undefined where it makes none. */
export function decisionOf(
  { model, versions, after, promoted }: DecisionInput,
  now: number,
): DecisionContent | undefined {
  const before = model.status
  const end = endOfRollout(before, after)
  if (end) {
    const rollout = promoted ?? end.rollout
    return content(model, versions, rollout, {
      kind: KINDS[end.outcome],
      reason: end.reason,
      message: end.outcome === 'Promoted' ? promotionText(after, rollout) : rollout.message,
      wanted: before?.rollout?.weight ?? 0,
      now,
    })
  }
  const { rollout } = after
  const isHeld = rollout?.reason === 'DeadlineExceeded' && before?.rollout?.reason !== 'DeadlineExceeded'
  if (!isHeld) return undefined
  const { reason, message, weight: wanted } = rollout
  return content(model, versions, rollout, { kind: 'Hold', reason, message, wanted, now })
}

const promotionText = (after: SentimentModelStatus, { version, from, verdict }: RolloutStatus) =>
  `${version} answers instead of ${from}: ${after.promotions?.at(-1)?.reason ?? ''}${verdict ? `: ${verdict.message}` : ''}`

function content(
  model: SentimentModel,
  versions: readonly ModelVersion[],
  rollout: RolloutStatus,
  facts: {
    kind: DecisionKind
    reason: string
    message: string
    wanted: number
    now: number
  },
): DecisionContent {
  const { analysis } = model.spec.rollout
  const digestOf = (name: string) =>
    versions.find((version) => version.metadata.name === name)?.status?.artifact?.manifestSha256 ?? ''
  const { observed } = rollout
  return {
    schemaVersion: 1,
    kind: facts.kind,
    reason: facts.reason,
    message: facts.message,
    time: isoTime(facts.now),
    model: model.metadata.name,
    namespace: model.metadata.namespace,
    candidate: { version: rollout.version, digest: digestOf(rollout.version) },
    stable: { version: rollout.from, digest: digestOf(rollout.from) },
    startedAt: rollout.startedAt,
    ...(rollout.step !== undefined && { step: rollout.step }),
    weight: {
      wanted: facts.wanted,
      ...(observed && {
        observed: {
          weight: observed.weight,
          low: observed.low,
          high: observed.high,
          requests: observed.requests,
        },
      }),
    },
    windows: rollout.windows ?? [],
    failures: rollout.failures ?? {},
    ...(rollout.verdict && { verdict: rollout.verdict }),
    ...(rollout.shadow && { shadow: rollout.shadow }),
    ...(rollout.rehearsal && { rehearsal: rollout.rehearsal }),
    thresholds: {
      minRequests: analysis.minRequests,
      maxFailureRatio: analysis.maxFailureRatio,
      tolerableFailureRate: analysis.tolerableFailureRate,
      alphaHarm: analysis.alphaHarm,
      alphaOk: analysis.alphaOk,
      ...(analysis.latencySLO !== undefined && { latencySLO: analysis.latencySLO }),
    },
    ...(rollout.by !== undefined && { by: rollout.by }),
  }
}

/** The same decision again: the process died after it was written down and before its status was. */
export const isSameDecision = (a: DecisionContent, b: DecisionContent) =>
  a.kind === b.kind && a.candidate.version === b.candidate.version && a.startedAt === b.startedAt

/** `sha256:<hex>` of a decision's text. */
export const decisionHash = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** Sums of logarithms differ in the last digits from one machine to the other. */
const TOLERANCE = 1e-9

/** What does not follow from the counts; empty where everything does. */
export function recompute(decision: Decision): string[] {
  const { verdict: recorded, windows, thresholds } = decision
  if (!recorded)
    return windows.length === 0 ? unfounded(decision, 'Hold') : ['there are counts, but no verdict on them']
  let found
  try {
    found = judge(windows, thresholds)
  } catch (error) {
    if (error instanceof RangeError) return [`the counts can't be judged: ${error.message}`]
    throw error
  }
  const differences: string[] = []
  if (found.verdict !== recorded.verdict || found.reason !== recorded.reason)
    differences.push(`verdict ${recorded.verdict} (${recorded.reason}), recomputed ${found.verdict} (${found.reason})`)
  for (const test of ['harm', 'ratio', 'rate'] as const) {
    const [was, is] = [recorded.eValues[test], found.eValues[test]]
    if (Math.abs(was - is) > TOLERANCE * Math.max(Math.abs(was), Math.abs(is)))
      differences.push(`${test} ${was}, recomputed ${is}`)
  }
  return [...differences, ...unfounded(decision, found.verdict)]
}

/** A decision that rests on the evidence must be what the evidence says. */
function unfounded({ kind, reason, windows, step }: Decision, verdict: Verdict['verdict']): string[] {
  // A rollout without steps passes by its shadow.
  const isCounted = step !== undefined || windows.length > 0
  if (kind === 'Promote' && reason === 'EvidencePassed' && isCounted && verdict !== 'Pass')
    return [`promoted on the evidence, which says ${verdict}`]
  if (kind === 'RollBack' && reason === VERDICT_REASONS.worse && verdict !== 'RollBack')
    return [`rolled back on the evidence, which says ${verdict}`]
  if (kind === 'RollBack' && reason === VERDICT_REASONS.failsAlways && !hardStop(windows))
    return ['rolled back because every request failed, which the counts do not show']
  return []
}
