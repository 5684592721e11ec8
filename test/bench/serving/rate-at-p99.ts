/** One step of an open loop. */
export interface OpenStep {
  offeredRps: number
  p99Ms: number
  /** Everything was answered, and about as fast as it came. */
  isSustained: boolean
}

/**
 * The highest rate at which the 99th percentile stays within the limit: between the last step that keeps it and the first that
 * doesn't, p99 is taken to grow exponentially with the rate, as it does near saturation. 0 where not even the first step keeps it.
 *
 * Steps 10/s with 50 ms and 20/s with 200 ms, limit 100 ms: halfway in the logarithm, so 15/s.
 */
export function rateAtP99(steps: readonly OpenStep[], limitMs: number): number {
  const rising = steps.toSorted((a, b) => a.offeredRps - b.offeredRps)
  let kept: OpenStep | undefined
  for (const step of rising) {
    if (step.isSustained && step.p99Ms <= limitMs) {
      kept = step
      continue
    }
    if (kept === undefined) return 0
    // Of a step with failures the percentile says nothing of where the limit was crossed.
    if (!step.isSustained || step.p99Ms <= kept.p99Ms) return kept.offeredRps
    const share = Math.log(limitMs / kept.p99Ms) / Math.log(step.p99Ms / kept.p99Ms)
    return kept.offeredRps + share * (step.offeredRps - kept.offeredRps)
  }
  return kept?.offeredRps ?? 0
}
