/** The engine: one bounded queue, runners that take one batch each, and an estimate of what waits that says whom to refuse. */
import type { Encoded, Engine, EngineObserver, Refusal, Wait } from './engine.ts'
import type { CostModel } from './batching/cost-model.ts'
import { JobQueue, type Job } from './batching/job-queue.ts'
import { Pace } from './batching/pace.ts'
import { Reserve } from './batching/reserve.ts'
import { BATCH_RULES, planBatch, type BatchRules } from './batching/plan-batch.ts'
import { InferenceError } from './inference-error.ts'
import { ModelFailure, type Runner } from './runner.ts'

export interface BatchingEngineOptions {
  /** They tell the engine by `wake` when they are idle again by themselves. */
  runners: readonly Runner[]
  cost: CostModel
  /** Items that may wait; more are refused with QueueFull. */
  queueLimit: number
  rules?: BatchRules
  observer: EngineObserver
  /** Ends the runners and gives back what they used. */
  release(): Promise<void>
}

const CRASHES_PER_JOB = 2
/** A run that takes so much longer than expected hangs, as far as anybody can tell: its worker is not counted on any more. */
const HUNG = { times: 20, atLeastSeconds: 30 }

interface Run {
  startedAt: number
  /** CPU seconds that its texts would take alone, one after the other. */
  aloneSeconds: number
  rows: number
  tokens: number
}

export class BatchingEngine implements Engine {
  readonly #options: BatchingEngineOptions
  readonly #rules: BatchRules
  readonly #queue: JobQueue<Encoded>
  readonly #runs = new Set<Run>()
  readonly #pace = new Pace()
  readonly #reserve = new Reserve()
  #isClosing = false
  #closed: Promise<void> | undefined
  #drained: (() => void) | undefined

  constructor(options: BatchingEngineOptions) {
    this.#options = options
    this.#rules = options.rules ?? BATCH_RULES
    this.#queue = new JobQueue({ limit: options.queueLimit, now: () => performance.now() })
  }

  get liveWorkers(): number {
    let live = 0
    for (const { state } of this.#options.runners) if (state === 'idle' || state === 'busy') live++
    const now = performance.now()
    for (const run of this.#runs) if (this.#isHung(run, now)) live--
    return Math.max(0, live)
  }

  #isHung({ startedAt, aloneSeconds }: Run, now: number): boolean {
    return (now - startedAt) / 1000 > Math.max(HUNG.atLeastSeconds, HUNG.times * aloneSeconds)
  }

  get queued(): number {
    return this.#queue.length
  }

  get tokensInFlight(): number {
    let tokens = this.#queue.work.tokens
    for (const run of this.#runs) tokens += run.tokens
    return tokens
  }

  get expectedWaitSeconds(): number {
    const live = this.liveWorkers
    if (this.#queue.length === 0 && this.#runs.size < live) return 0
    const now = performance.now()
    const pace = this.#pace.value
    let seconds = this.#queue.work.seconds * pace
    for (const { startedAt, aloneSeconds } of this.#runs) {
      seconds += Math.max(0, aloneSeconds * pace - (now - startedAt) / 1000)
    }
    return seconds / Math.max(1, live)
  }

  checkAdmission(items: number, wait: Wait): void {
    this.#checkAdmission(items, [], wait)
  }

  /** `costs`: CPU seconds of each item alone, where they are known. Gives the seconds until the answer, as expected. */
  #checkAdmission(items: number, costs: readonly number[], { deadline, signal }: Wait): number {
    if (this.#isClosing) throw new InferenceError('EngineClosed', 'the server is shutting down')
    if (signal?.aborted === true) this.#refuse('Abandoned', 'the caller went away')
    const leftSeconds = (deadline - performance.now()) / 1000
    if (leftSeconds <= 0) this.#refuse('DeadlineExceeded', 'the deadline passed before the texts were queued')
    const waitSeconds = this.expectedWaitSeconds
    if (!this.#queue.hasRoomFor(items)) {
      const message = `${this.#queue.length} texts are waiting, there is no room for ${items} more`
      this.#refuse('QueueFull', message, waitSeconds)
    }
    const ownSeconds = Math.max(0, ...costs, sum(costs) / Math.max(1, this.liveWorkers)) * this.#pace.value
    const expectedSeconds = waitSeconds + ownSeconds
    const neededSeconds = this.#reserve.factor * expectedSeconds
    // An idle worker takes anything: or else a pace that was learned in a stall would never be unlearned.
    if (waitSeconds > 0 && !(neededSeconds <= leftSeconds)) {
      const texts = this.#queue.length + sum([...this.#runs].map(({ rows }) => rows))
      const work = `${texts} texts wait or run, about ${Math.round(1000 * waitSeconds)} ms of work`
      const needed = `an answer may take ${Math.round(1000 * neededSeconds)} ms`
      const message = `${work}: ${needed}, and ${Math.floor(1000 * leftSeconds)} ms are left`
      this.#refuse('Overloaded', message, neededSeconds - leftSeconds)
    }
    return expectedSeconds
  }

  #refuse(code: Refusal, message: string, retryAfterSeconds?: number): never {
    this.#options.observer.rejected(code)
    throw new InferenceError(
      code,
      message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterSeconds)) },
    )
  }

  async infer(items: readonly Encoded[], wait: Wait): Promise<Float32Array[]> {
    const costs = items.map(({ inputIds }) => this.#options.cost.seconds({ rows: 1, length: inputIds.length }))
    const expectedSeconds = this.#checkAdmission(items.length, costs, wait)
    const admittedAt = performance.now()
    const learn = (): void => {
      this.#reserve.learn({ expectedSeconds, actualSeconds: (performance.now() - admittedAt) / 1000 })
    }
    const jobs = items.map((item, index) =>
      this.#queue.add(item, wait, { seconds: costs[index] ?? 0, tokens: item.inputIds.length }),
    )
    this.wake()
    try {
      const logits = await Promise.all(jobs.map((job) => job.result))
      learn()
      return logits
    } catch (error) {
      const cause = error instanceof InferenceError ? error : new InferenceError('InferenceFailed', String(error))
      if (cause.code === 'DeadlineExceeded' || cause.code === 'Abandoned') this.#options.observer.rejected(cause.code)
      if (cause.code === 'DeadlineExceeded') learn()
      // The caller gets one answer for all of them: what is left is not worth a run.
      for (const job of jobs) job.reject(cause)
      await Promise.allSettled(jobs.map((job) => job.result))
      throw cause
    } finally {
      // What has left the queue by itself may have been the last that a close waits for.
      if (this.#isDrained()) this.#drained?.()
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    if (this.liveWorkers === 0) this.#queue.rejectAll(new InferenceError('EngineClosed', 'the server is shutting down'))
    if (!this.#isDrained()) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
    await this.#options.release()
  }

  #isDrained(): boolean {
    return this.#queue.length === 0 && this.#runs.size === 0
  }

  /** Gives the idle runners what waits: to be called when something changed. */
  wake(): void {
    const idle = this.#options.runners.filter(({ state }) => state === 'idle')
    while (idle.length > 0 && this.#queue.length > 0) {
      const share = Math.ceil(this.#queue.length / idle.length)
      const runner = idle.pop()
      if (runner !== undefined) void this.#run(runner, this.#nextBatch(share))
    }
    if (this.#isDrained()) this.#drained?.()
  }

  #nextBatch(share: number): Job<Encoded>[] {
    const [oldest, ...others] = this.#queue.first(this.#rules.window)
    if (oldest === undefined) return []
    if (oldest.isSuspect) return [oldest]
    const jobs = [oldest, ...others.filter(({ isSuspect }) => !isSuspect)]
    const lengths = jobs.map(({ item }) => item.inputIds.length)
    const chosen = new Set(planBatch(lengths, this.#options.cost, share, this.#rules))
    return jobs.filter((_, index) => chosen.has(index))
  }

  async #run(runner: Runner, jobs: readonly Job<Encoded>[]): Promise<void> {
    const { observer } = this.#options
    const startedAt = performance.now()
    const aloneSeconds = sum(jobs.map(({ work }) => work.seconds))
    const tokens = sum(jobs.map(({ work }) => work.tokens))
    for (const job of jobs) {
      this.#queue.take(job)
      if (!job.isSuspect) observer.queued((startedAt - job.enqueuedAt) / 1000)
    }
    const run = { startedAt, aloneSeconds, rows: jobs.length, tokens }
    this.#runs.add(run)
    const rows = jobs.map(({ item }) => item.inputIds)
    try {
      const { logits, seconds } = await runner.run(rows)
      const now = performance.now()
      const paddedTokens = rows.length * Math.max(...rows.map((row) => row.length))
      observer.inferred({ seconds, rows: rows.length, tokens, paddedTokens })
      this.#pace.learn({ clockSeconds: (now - startedAt) / 1000, aloneSeconds }, now)
      jobs.forEach((job, index) => {
        const own = logits[index]
        if (own === undefined) job.reject(new InferenceError('InferenceFailed', 'the model gave no logits'))
        else job.resolve(own)
      })
    } catch (error) {
      this.#onFailure(jobs, error)
    } finally {
      this.#runs.delete(run)
      this.wake()
    }
  }

  /** One text of several may have failed all of them: each gets one more run, alone, so that only the culprit's caller is told. */
  #onFailure(jobs: readonly Job<Encoded>[], error: unknown): void {
    const isRefused = error instanceof ModelFailure
    for (const job of jobs) {
      if (!isRefused) job.crashes++
      if (isRefused && jobs.length === 1) job.reject(new InferenceError('InferenceFailed', error.message))
      else if (job.crashes === CRASHES_PER_JOB) {
        const message = `${job.crashes} workers ended over this text`
        job.reject(new InferenceError('WorkerLost', message, { cause: error }))
      }
      job.isSuspect = true
    }
    this.#queue.requeue(jobs)
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
