/** What a canary is judged by: requests and failures of both arms, counted between two looks at the pods. */

export interface Arm {
  requests: number
  /** Of these: answered with 5xx, not in time, or later than the objective. */
  failures: number
}

export interface Window {
  candidate: Arm
  stable: Arm
  /**
   * The weight that was in force. Neighbours with the same weight, or without one, are one step. A window must not reach over a change of
   * weight: if the error rate changes at the same time, the arms saw different times, and one looks worse though it never was (Simpson's
   * paradox).
   */
  perMille?: number | undefined
}

export const EMPTY_WINDOW: Window = {
  candidate: { requests: 0, failures: 0 },
  stable: { requests: 0, failures: 0 },
}

/** All counts of the windows as one. Counts that can't be are a defect of whoever counted, so they are a RangeError. */
export function merge(windows: readonly Window[]): Window {
  return windows.reduce((sum, window) => {
    check('candidate', window.candidate)
    check('stable', window.stable)
    return { candidate: add(sum.candidate, window.candidate), stable: add(sum.stable, window.stable) }
  }, EMPTY_WINDOW)
}

/** Neighbouring windows of the same weight, oldest step first. */
export function stepsOf(windows: readonly Window[]): Window[][] {
  const steps: Window[][] = []
  for (const window of windows) {
    const last = steps.at(-1)
    if (last && last[0]?.perMille === window.perMille) last.push(window)
    else steps.push([window])
  }
  return steps
}

const add = (a: Arm, b: Arm): Arm => ({ requests: a.requests + b.requests, failures: a.failures + b.failures })

function check(name: string, { requests, failures }: Arm): void {
  const areCounts = Number.isSafeInteger(requests) && Number.isSafeInteger(failures) && failures >= 0
  if (!areCounts || failures > requests)
    throw new RangeError(`${name}: ${failures} failures of ${requests} requests is no count of failures`)
}
