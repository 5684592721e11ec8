/**
 * Seconds by the clock for each CPU second that the texts of a run would take alone, of late: batches lower it, other work on the same
 * CPUs raises it. A ratio of sums, so that long runs count for what they are.
 */

/** After so many seconds a run counts for 37 %: several periods of a CPU quota, and short beside a deadline. */
const MEMORY_SECONDS = 5
/** What is known before the first run: little. */
const PRIOR_SECONDS = 0.05

export class Pace {
  #clock = PRIOR_SECONDS
  #alone = PRIOR_SECONDS
  #learnedAt: number | undefined

  get value(): number {
    return this.#clock / this.#alone
  }

  /** `nowMs` of performance.now(). */
  learn(run: { clockSeconds: number; aloneSeconds: number }, nowMs: number): void {
    const passed = (nowMs - (this.#learnedAt ?? nowMs)) / 1000
    this.#learnedAt = nowMs
    const kept = Math.exp(-passed / MEMORY_SECONDS)
    // The prior never fades: with nothing else known it is what there is.
    this.#clock = Math.max(PRIOR_SECONDS, kept * this.#clock) + run.clockSeconds
    this.#alone = Math.max(PRIOR_SECONDS, kept * this.#alone) + run.aloneSeconds
  }
}
