/** The evidence that a rollout carries along in its status: bounded, and judged the same however it was cut. */
import { MAX_WINDOWS, type RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import type { EvidenceObserved } from './evidence.ts'
import { merge, type Window } from './window.ts'

export type LoggedWindow = Window & { perMille: number }

/** Of the step under way the last windows stay apart: whether all of the newest requests failed is seen in them only. */
const RECENT = 8

export function withWindow(
  windows: readonly LoggedWindow[],
  { arms }: EvidenceObserved,
  { candidate, stable, perMille }: { candidate: string; stable: string; perMille: number },
): LoggedWindow[] {
  const arm = (version: string) => ({
    requests: arms[version]?.requests ?? 0,
    failures: arms[version]?.failures ?? 0,
  })
  const window = { perMille, candidate: arm(candidate), stable: arm(stable) }
  if (window.candidate.requests + window.stable.requests === 0) return [...windows]
  return compacted([...windows, window])
}

function compacted(windows: readonly LoggedWindow[]): LoggedWindow[] {
  const cut = windows.length - RECENT
  const older = windows.slice(0, Math.max(0, cut)).reduce<LoggedWindow[]>((kept, window) => {
    const last = kept.at(-1)
    if (last?.perMille !== window.perMille) return [...kept, window]
    return [...kept.slice(0, -1), { ...merge([last, window]), perMille: window.perMille }]
  }, [])
  return [...older, ...windows.slice(Math.max(0, cut))].slice(-MAX_WINDOWS)
}

/** Only the windows of the newest weight. */
export const ofStep = (windows: readonly LoggedWindow[], perMille: number) =>
  windows.slice(windows.findLastIndex((window) => window.perMille !== perMille) + 1)

export function withFailures(
  before: RolloutStatus['failures'],
  { arms }: EvidenceObserved,
  candidate: string,
): NonNullable<RolloutStatus['failures']> {
  const sum = { ...before }
  for (const [kind, count] of Object.entries(arms[candidate]?.reasons ?? {})) sum[kind] = (sum[kind] ?? 0) + count
  return sum
}

type ShadowStatus = NonNullable<RolloutStatus['shadow']>

export function withShadow(
  before: ShadowStatus | undefined,
  { shadow }: EvidenceObserved,
  candidate: string,
): ShadowStatus {
  const counted = shadow[candidate]
  const sum = before ?? {
    samples: 0,
    disagreements: 0,
    negToPos: 0,
    posToNeg: 0,
    distance: 0,
    failures: 0,
    dropped: 0,
  }
  if (!counted) return sum
  return {
    samples: sum.samples + counted.samples,
    disagreements: sum.disagreements + counted.disagreements,
    negToPos: sum.negToPos + counted.negToPos,
    posToNeg: sum.posToNeg + counted.posToNeg,
    distance: sum.distance + counted.distance,
    failures: sum.failures + counted.failures,
    dropped: sum.dropped + counted.dropped,
  }
}
