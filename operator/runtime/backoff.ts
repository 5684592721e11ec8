import type { Clock } from './clock.ts'

export interface BackoffOptions {
  initialMs: number
  maxMs: number
  /** Growth per failure; 2 unless said. */
  factor?: number
  /** Share of the delay that is random, 0..1; 0.5 unless said, so that many clients do not return at the same moment. */
  jitter?: number
  /** After this long without a failure the next one counts as the first again. Never, unless said. */
  resetAfterMs?: number
  clock: Clock
  /** 0..1 */
  random?: () => number
}

/** The delay of the n-th failure in a row (n from 0): `min(max, initial * factor^n)`, of which up to `jitter` is taken off at random. */
export function backoffDelay(
  n: number,
  { initialMs, maxMs, factor = 2, jitter = 0.5, random = Math.random }: Omit<BackoffOptions, 'clock' | 'resetAfterMs'>,
): number {
  const full = Math.min(maxMs, initialMs * factor ** n)
  return full * (1 - jitter * random())
}

/** Exponential back-off of one thing that is tried again and again. */
export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0
  #healthyFrom = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Failures in a row, as `next` counts them. */
  get failures(): number {
    return this.#failures
  }

  /** Counts one failure and gives the delay in milliseconds before the next try. */
  next(): number {
    const { clock, resetAfterMs } = this.#options
    const now = clock.monotonic()
    if (resetAfterMs !== undefined && this.#failures > 0 && now - this.#healthyFrom >= resetAfterMs) this.#failures = 0
    const delay = backoffDelay(this.#failures, this.#options)
    this.#failures += 1
    // Health can only begin when the delay is over and the next try has started.
    this.#healthyFrom = now + delay
    return delay
  }

  reset(): void {
    this.#failures = 0
  }
}
