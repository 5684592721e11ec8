/**
 * A bounded first-in-first-out queue whose entries leave it in one of three ways: taken by a worker, past their deadline, or
 * abandoned by their caller. Every entry is settled exactly once.
 */
import { InferenceError } from '../inference-error.ts'
import type { Wait } from '../engine.ts'

export interface Work {
  /** CPU seconds that a run of it alone is expected to take. */
  seconds: number
  tokens: number
}

export interface Job<Item> {
  readonly item: Item
  readonly work: Work
  readonly enqueuedAt: number
  /** Attempts that a worker has died over. */
  crashes: number
  /** A run with others has failed: alone it shows whose fault that was. */
  isSuspect: boolean
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
  #work: Work = { seconds: 0, tokens: 0 }

  constructor(options: { limit: number; now: () => number }) {
    this.#limit = options.limit
    this.#now = options.now
  }

  get length(): number {
    return this.#waiting.size
  }

  /** Of all that wait. */
  get work(): Readonly<Work> {
    return this.#work
  }

  hasRoomFor(items: number): boolean {
    return this.#waiting.size + items <= this.#limit
  }

  /** The caller has checked `hasRoomFor`. */
  add(item: Item, wait: Wait, work: Work): Job<Item> {
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>()
    const enqueuedAt = this.#now()
    let isSettled = false
    let timer: NodeJS.Timeout | undefined

    const settle = (finish: () => void): void => {
      if (isSettled) return
      isSettled = true
      this.#remove(job)
      clearTimeout(timer)
      wait.signal?.removeEventListener('abort', abandon)
      finish()
    }
    const job: Job<Item> = {
      item,
      work,
      enqueuedAt,
      crashes: 0,
      isSuspect: false,
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

    this.#insert(job)
    if (wait.signal?.aborted === true) abandon()
    else if (wait.deadline <= enqueuedAt) expire()
    else {
      wait.signal?.addEventListener('abort', abandon, { once: true })
      if (wait.deadline !== Infinity) timer = setTimeout(expire, wait.deadline - enqueuedAt)
    }
    return job
  }

  /** Puts jobs whose run came to nothing back to the front, in their order. */
  requeue(jobs: readonly Job<Item>[]): void {
    const others = [...this.#waiting]
    this.#waiting.clear()
    this.#work = { seconds: 0, tokens: 0 }
    for (const job of [...jobs.filter(({ isSettled }) => !isSettled), ...others]) this.#insert(job)
  }

  /** At most that many, the oldest first. */
  first(count: number): Job<Item>[] {
    const jobs: Job<Item>[] = []
    for (const job of this.#waiting) {
      if (jobs.length === count) break
      jobs.push(job)
    }
    return jobs
  }

  take(job: Job<Item>): void {
    this.#remove(job)
  }

  rejectAll(error: InferenceError): void {
    for (const job of [...this.#waiting]) job.reject(error)
  }

  #insert(job: Job<Item>): void {
    this.#waiting.add(job)
    this.#work.seconds += job.work.seconds
    this.#work.tokens += job.work.tokens
  }

  #remove(job: Job<Item>): void {
    if (!this.#waiting.delete(job)) return
    // Sums of rounded numbers drift: an empty queue holds nothing.
    this.#work.seconds = this.#waiting.size === 0 ? 0 : this.#work.seconds - job.work.seconds
    this.#work.tokens -= job.work.tokens
  }
}
