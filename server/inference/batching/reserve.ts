/**
 * By how much an estimate of the time until an answer has to be exceeded so that the answer is there by then. Texts of rare lengths wait
 * longer than the estimate, which is a mean, and how much longer depends on the texts; so it is learned: an expectile of actual by
 * expected times far in their upper tail. Answers that come early, as those of short texts among long ones do, say nothing of late ones.
 */

/** Weights of an answer that came later and of one that came sooner: a stall is to be remembered for longer than it lasts. */
const GAIN = { later: 1 / 8, sooner: 1 / 2048 }
const MARGIN = 1.25
const BOUNDS = { least: 1.5, most: 3 }
/** What is expected to be answered sooner says more of the clock than of the estimate. */
const LEAST_SECONDS = 0.02

export class Reserve {
  #tail = BOUNDS.least / MARGIN

  /** From 1.5 to 3: estimates times this are what an answer may take. */
  get factor(): number {
    return Math.min(BOUNDS.most, Math.max(BOUNDS.least, MARGIN * this.#tail))
  }

  learn({ expectedSeconds, actualSeconds }: { expectedSeconds: number; actualSeconds: number }): void {
    if (expectedSeconds < LEAST_SECONDS) return
    const surplus = actualSeconds / expectedSeconds - this.#tail
    this.#tail += (surplus > 0 ? GAIN.later : GAIN.sooner) * surplus
  }
}
