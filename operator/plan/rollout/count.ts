/** The record of a rollout with what the pods have counted since the last look, and what that says. */
import type { Rollout, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { isoTime } from '../conditions.ts'
import { laggingPods, type Lagging } from './evidence.ts'
import { ofStep, withFailures, withShadow, withWindow } from './evidence-log.ts'
import { perMilleOf, shadowPerMilleOf, type RolloutInput } from './rollout-input.ts'
import { judgeShadow, type PredictedDisagreement } from './shadow-verdict.ts'
import { isWithinBand, observedShare } from './share-band.ts'
import { judge } from './verdict.ts'
import { merge } from './window.ts'

export interface Look {
  /** The record with what has been counted since the last look. */
  current: RolloutStatus
  lagging: Lagging[]
  /** Every stable pod runs the routing file that the record asks for. */
  isInForce: boolean
}
export function observe(input: RolloutInput, stable: string, record: RolloutStatus, now: number): Look {
  const { evidence, routing, settings } = input
  if (!evidence || !routing) return { current: record, lagging: [], isInForce: false }
  const lagging = laggingPods(evidence, stable, routing.epoch)
  const isWritten =
    routing.candidate === record.version &&
    routing.perMille === perMilleOf(record) &&
    routing.shadowPerMille === shadowPerMilleOf(record, settings)
  const isInForce = isWritten && lagging.length === 0 && evidence.pods.some((pod) => pod.version === stable)
  // Another file was in force meanwhile (a candidate without pods gets nothing), so the pods have to confirm this one anew.
  const { phaseSince, ...unconfirmed } = record
  if (!isWritten) return { current: unconfirmed, lagging, isInForce }
  const current: RolloutStatus = {
    ...record,
    ...(phaseSince !== undefined && counted(input, stable, record)),
    ...(isInForce && phaseSince === undefined && { phaseSince: isoTime(now) }),
  }
  return { current, lagging, isInForce }
}

/** By the settings of now: what is recorded of a decision must follow from the thresholds that are recorded with it. */
export function judged(record: RolloutStatus, { analysis }: Rollout): RolloutStatus {
  if (record.windows === undefined) return record
  const { verdict, reason, message, eValues } = judge(record.windows, analysis)
  return { ...record, verdict: { verdict, reason, message, eValues } }
}

/** Only what was counted while every pod ran the file of this very weight belongs to it. */
function counted(input: RolloutInput, stable: string, record: RolloutStatus): Partial<RolloutStatus> {
  const { evidence, settings } = input
  if (!evidence) return {}
  const { version } = record
  if (record.phase === 'Shadowing') {
    const shadow = withShadow(record.shadow, evidence, version)
    const { verdict, reason, message } = judgeShadow(
      shadow,
      predicted(input, stable, version),
      settings.shadow ?? { minRequests: 1 },
    )
    return { shadow: { ...shadow, verdict, reason, message } }
  }
  const perMille = perMilleOf(record)
  if (perMille === 0) return {}
  const windows = withWindow(record.windows ?? [], evidence, { candidate: version, stable, perMille })
  if (windows.length === 0) return {}
  return {
    windows,
    failures: withFailures(record.failures, evidence, version),
    ...observedSplit(windows, perMille, settings.stickyHeader !== undefined),
  }
}

function observedSplit(
  windows: NonNullable<RolloutStatus['windows']>,
  perMille: number,
  isSticky: boolean,
): Pick<RolloutStatus, 'observed'> {
  const { candidate, stable } = merge(ofStep(windows, perMille))
  const split = { candidate: candidate.requests, total: candidate.requests + stable.requests }
  const share = observedShare(split)
  if (!share) return {}
  const percent = (value: number) => Math.round(value * 1e5) / 1e3
  return {
    observed: {
      weight: percent(share.share),
      low: percent(share.low),
      high: percent(share.high),
      requests: split.total,
      // A caller that sticks brings all its requests to one side: the band of single requests says nothing then.
      isVerified: isSticky || isWithinBand(split, perMille),
    },
  }
}

/** What the evaluation expects of live texts; undefined where it compared with another version than the one that is stable. */
function predicted(input: RolloutInput, stable: string, candidate: string): PredictedDisagreement | undefined {
  const status = input.versions.find((version) => version.metadata.name === candidate)?.status
  const against = status?.evaluation?.against
  if (!against?.comparable || against.version !== stable) return undefined
  const changes = against[status?.precision ?? 'fp32']
  return changes && { rows: against.rows ?? 0, disagreements: changes.disagreements }
}
