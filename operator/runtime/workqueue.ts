import { type BackoffOptions, backoffDelay } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { RuntimeMetrics } from './metrics.ts'

export interface WorkQueueOptions {
  /** Label of its metrics. */
  name: string
  clock: Clock
  metrics: RuntimeMetrics
  /** Of one key's failures in a row; 500 ms up to 5 min unless said. */
  backoff?: Pick<BackoffOptions, 'initialMs' | 'maxMs' | 'factor' | 'jitter' | 'random'>
}

/**
 * Keys to be worked on, each at most once at a time.
 *
 * - A key is there once, however often it is added; of several times the earliest wins.
 * - A key that is being worked on is not handed out; if it is added meanwhile, it is ready again as soon as it is `done`.
 * - Ready keys come in the order in which they became ready.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #ready = new Map<string, number>()
  readonly #delayed = new Map<string, { dueAt: number; cancel: AbortController }>()
  readonly #running = new Map<string, number>()
  /** Became due while running. */
  readonly #dirty = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #takers: ((key: string | undefined) => void)[] = []
  #isShutDown = false

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** Keys that are ready. */
  get depth(): number {
    return this.#ready.size
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size
  }

  /** Keys that are being worked on. */
  get running(): number {
    return this.#running.size
  }

  add(key: string): void {
    if (this.#isShutDown) return
    this.#cancel(key)
    if (this.#running.has(key)) {
      this.#dirty.add(key)
      return
    }
    if (this.#ready.has(key)) return
    this.#options.metrics.queueAdds.inc({ name: this.#options.name })
    this.#ready.set(key, this.#options.clock.monotonic())
    this.#handOut()
  }

  addAfter(key: string, ms: number): void {
    if (ms <= 0) {
      this.add(key)
      return
    }
    if (this.#isShutDown || this.#ready.has(key) || this.#dirty.has(key)) return
    const { clock } = this.#options
    const dueAt = clock.monotonic() + ms
    const planned = this.#delayed.get(key)
    if (planned && planned.dueAt <= dueAt) return
    this.#cancel(key)
    const cancel = new AbortController()
    this.#delayed.set(key, { dueAt, cancel })
    clock.sleep(ms, cancel.signal).then(
      () => this.add(key),
      () => undefined, // only ever cancelled by ourselves
    )
  }

  /** Adds the key after its back-off and returns that delay in milliseconds. */
  addRateLimited(key: string): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#options.metrics.queueRetries.inc({ name: this.#options.name })
    const delay = backoffDelay(failures, this.#options.backoff ?? { initialMs: 500, maxMs: 300_000 })
    this.addAfter(key, delay)
    return delay
  }

  /** The key is healthy: its next failure is the first again. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next ready key, which the caller must then pass to `done`; undefined after `shutdown`. */
  take(): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (this.#isShutDown) {
        resolve(undefined)
        return
      }
      this.#takers.push(resolve)
      this.#handOut()
    })
  }

  done(key: string): void {
    const since = this.#running.get(key)
    if (since === undefined) throw new Error(`${key} is done, but nobody took it`)
    this.#running.delete(key)
    const { name, clock, metrics } = this.#options
    metrics.workSeconds.observe({ name }, (clock.monotonic() - since) / 1000)
    if (this.#dirty.delete(key)) this.add(key)
  }

  /** Drops what waits and gives undefined to everyone who takes; keys that are being worked on stay with their workers. */
  shutdown(): void {
    this.#isShutDown = true
    for (const key of [...this.#delayed.keys()]) this.#cancel(key)
    this.#ready.clear()
    this.#dirty.clear()
    this.#options.metrics.queueDepth.set({ name: this.#options.name }, 0)
    for (const resolve of this.#takers.splice(0)) resolve(undefined)
  }

  #cancel(key: string): void {
    this.#delayed.get(key)?.cancel.abort()
    this.#delayed.delete(key)
  }

  #handOut(): void {
    const { name, clock, metrics } = this.#options
    for (const [key, since] of this.#ready) {
      const resolve = this.#takers.shift()
      if (!resolve) break
      this.#ready.delete(key)
      const now = clock.monotonic()
      this.#running.set(key, now)
      metrics.queueSeconds.observe({ name }, (now - since) / 1000)
      resolve(key)
    }
    metrics.queueDepth.set({ name }, this.#ready.size)
  }
}
