/**
 * A bounded first-in-first-out queue whose entries leave it in one of three ways: taken by a worker, past their deadline, or
 * abandoned by their caller. Every entry is settled exactly once.
 */
import { InferenceError } from './inference-error.ts'
import type { Wait } from './engine.ts'

export interface Job<Item> {
  readonly item: Item
  readonly enqueuedAt: number
  /** Attempts that a worker has died over. */
  crashes: number
  readonly isSettled: boolean
  readonly result: Promise<Float32Array>
  resolve(logits: Float32Array): void
  reject(error: InferenceError): void
}

export class JobQueue<Item> {
  readonly #limit: number
  readonly #now: () => number
  // A Set keeps insertion order and removes from the middle in constant time.
  readonly #waiting = new Set<Job<Item>>()

  constructor(options: { limit: number; now: () => number }) {
    this.#limit = options.limit
    this.#now = options.now
  }

  get length(): number {
    return this.#waiting.size
  }

  hasRoomFor(items: number): boolean {
    return this.#waiting.size + items <= this.#limit
  }

  /** The caller has checked `hasRoomFor`. */
  add(item: Item, wait: Wait): Job<Item> {
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>()
    const waiting = this.#waiting
    const enqueuedAt = this.#now()
    let isSettled = false
    let timer: NodeJS.Timeout | undefined

    const settle = (finish: () => void): void => {
      if (isSettled) return
      isSettled = true
      waiting.delete(job)
      clearTimeout(timer)
      wait.signal?.removeEventListener('abort', abandon)
      finish()
    }
    const job: Job<Item> = {
      item,
      enqueuedAt,
      crashes: 0,
      result: promise,
      get isSettled() {
        return isSettled
      },
      resolve: (logits) => settle(() => resolve(logits)),
      reject: (error) => settle(() => reject(error)),
    }
    const abandon = (): void => job.reject(new InferenceError('Abandoned', 'the caller went away'))
    const expire = (): void => {
      const waitedMs = Math.round(this.#now() - enqueuedAt)
      job.reject(
        new InferenceError('DeadlineExceeded', `no answer within the deadline; ${waitedMs} ms of it in the queue`),
      )
    }

    waiting.add(job)
    if (wait.signal?.aborted === true) abandon()
    else if (wait.deadline <= enqueuedAt) expire()
    else {
      wait.signal?.addEventListener('abort', abandon, { once: true })
      if (wait.deadline !== Infinity) timer = setTimeout(expire, wait.deadline - enqueuedAt)
    }
    return job
  }

  /** Puts a job whose worker died back to the front. */
  requeue(job: Job<Item>): void {
    if (job.isSettled) return
    const others = [...this.#waiting]
    this.#waiting.clear()
    for (const entry of [job, ...others]) this.#waiting.add(entry)
  }

  take(): Job<Item> | undefined {
    const job = this.#waiting.values().next().value
    if (job !== undefined) this.#waiting.delete(job)
    return job
  }

  rejectAll(error: InferenceError): void {
    for (const job of [...this.#waiting]) job.reject(error)
  }
}
