/**
 * By how much an estimate of the time until an answer has to be exceeded so that the answer is there by then: the mean of actual by
 * expected times, and three times their mean deviation from it. Texts of rare lengths wait longer than the estimate, which is a mean,
 * and how much longer depends on the texts; so it is learned, as TCP learns when to send again (RFC 6298).
 */

/** Weights of a new observation: a stall is to be remembered for longer than it lasts. */
const GAIN = { mean: 1 / 256, up: 1 / 16, down: 1 / 1024 }
const DEVIATIONS = 3
const BOUNDS = { least: 1.5, most: 3 }
/** What is expected to be answered sooner says more of the clock than of the estimate. */
const LEAST_SECONDS = 0.02

export class Reserve {
  #mean = 1
  #deviation = (BOUNDS.least - 1) / DEVIATIONS

  /** At least 1.5: estimates times this are what an answer may take. */
  get factor(): number {
    return Math.min(BOUNDS.most, Math.max(BOUNDS.least, this.#mean + DEVIATIONS * this.#deviation))
  }

  learn({ expectedSeconds, actualSeconds }: { expectedSeconds: number; actualSeconds: number }): void {
    if (expectedSeconds < LEAST_SECONDS) return
    const ratio = actualSeconds / expectedSeconds
    const surplus = Math.abs(ratio - this.#mean) - this.#deviation
    this.#deviation += (surplus > 0 ? GAIN.up : GAIN.down) * surplus
    this.#mean += GAIN.mean * (ratio - this.#mean)
  }
}
