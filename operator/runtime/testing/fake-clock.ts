import type { Clock } from '../clock.ts'

/** A clock that stands still until `advance`. */
export class FakeClock implements Clock {
  #elapsed = 0
  readonly #start: number
  readonly #sleepers = new Set<{ dueAt: number; wake: () => void }>()

  constructor(start = Date.parse('2030-01-01T00:00:00Z')) {
    this.#start = start
  }

  now(): number {
    return this.#start + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  /** How many wait. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error)
        return
      }
      const sleeper = {
        dueAt: this.#elapsed + Math.max(ms, 0),
        wake: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      const abort = () => {
        this.#sleepers.delete(sleeper)
        reject(signal?.reason as Error)
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Lets `ms` pass: wakes the sleepers in the order of their times, and lets the woken run (and sleep again) in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    for (;;) {
      await settle()
      const next = [...this.#sleepers].sort((a, b) => a.dueAt - b.dueAt).find(({ dueAt }) => dueAt <= end)
      if (!next) break
      this.#sleepers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.dueAt)
      next.wake()
    }
    this.#elapsed = end
  }
}

/** Lets everything run that waits for no time and no I/O. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
