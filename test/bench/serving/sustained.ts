/** Poisson arrivals within a few seconds are fewer or more than the rate says by some percent. */
const TOLERANCE = 0.85

/** Whether a server keeps up with what comes. */
export function isSustained(step: { offeredRps: number; rps: number; failures: number }): boolean {
  return step.failures === 0 && step.rps >= TOLERANCE * step.offeredRps
}
