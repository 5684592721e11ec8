/** Pods of both versions: since when some are missing, and whether there are enough for a weight. */
import type { Rollout, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { isoTime } from '../conditions.ts'
import { replicasFor } from './capacity.ts'
import { servingOf, type RolloutInput } from './rollout-input.ts'
import { isStableBroken } from './verdict.ts'

/** A single pod that is replaced is back by then. */
const STABLE_DOWN_MS = 60_000

export function withReadiness(input: RolloutInput, record: RolloutStatus, now: number): RolloutStatus {
  const serving = servingOf(input, record.version)
  const stable = servingOf(input, record.from)
  const isReady = serving?.isFullyReady === true && serving.readyReplicas > 0
  const isStableDown = stable !== undefined && stable.replicas > 0 && stable.readyReplicas === 0
  const { notReadySince = isoTime(now), stableDownSince = isoTime(now), ...kept } = record
  // Nothing is late where nothing is wanted.
  if (input.replicas === 0) return kept
  return { ...kept, ...(!isReady && { notReadySince }), ...(isStableDown && { stableDownSince }) }
}

/** Stable has had no pod that answers for a while, or fails nearly everything, and the candidate is ready: waiting would be the harm. */
export function isOutage(input: RolloutInput, record: RolloutStatus, now: number): boolean {
  const candidate = servingOf(input, record.version)
  if (!candidate?.isFullyReady || candidate.readyReplicas === 0) return false
  // A version that has answered nobody yet is no rescue. The rehearsal went through stable's pods, so they were ready once.
  if (record.rehearsal?.isPassed !== true) return false
  const { stableDownSince, windows = [] } = record
  const isDown = stableDownSince !== undefined && now - Date.parse(stableDownSince) >= STABLE_DOWN_MS
  return isDown || isStableBroken(windows)
}
export const firstWeight = ({ steps, shadow }: Rollout) => Math.max(steps[0]?.weight ?? 0, shadow?.sample ?? 0)

export function isReadyFor(input: RolloutInput, { version }: RolloutStatus, weight: number): boolean {
  const serving = servingOf(input, version)
  return serving?.isFullyReady === true && serving.readyReplicas >= replicasFor(weight, input.replicas)
}

export function wantedReplicas(input: RolloutInput, { phase, step: number, weight }: RolloutStatus): number {
  const { settings, replicas } = input
  if (phase === 'Promoting') return replicas
  const wanted = Math.max(weight, settings.steps[(number ?? 1) - 1]?.weight ?? 0, firstWeight(settings))
  return replicasFor(wanted, replicas)
}
