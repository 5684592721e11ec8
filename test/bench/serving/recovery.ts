/** A request after an overload; milliseconds since the overload's end. */
export interface AfterOverload {
  intendedMs: number
  latencyMs: number
  isOk: boolean
}

/**
 * Seconds from the overload's end until the last request was due that failed or took longer than it should: from then on
 * everything is as before. 0 where nothing was amiss, undefined where the last request still was: it has not recovered.
 */
export function recoverySeconds(requests: readonly AfterOverload[], shouldTakeMs: number): number | undefined {
  const ordered = requests.toSorted((a, b) => a.intendedMs - b.intendedMs)
  const last = ordered.findLastIndex(({ latencyMs, isOk }) => !isOk || latencyMs > shouldTakeMs)
  if (last === ordered.length - 1) return undefined
  return last < 0 ? 0 : (ordered[last]?.intendedMs ?? 0) / 1000
}
