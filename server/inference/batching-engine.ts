/** The engine: one bounded queue, runners that take one batch each, and an estimate of what waits that says whom to refuse. */
import type { Encoded, Engine, EngineObserver, Refusal, Wait } from './engine.ts'
import type { CostModel } from './batching/cost-model.ts'
import { JobQueue, type Job } from './batching/job-queue.ts'
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
/** Share of the past in the pace, for each run. */
const PACE_MEMORY = 0.95
/** An estimate that is short by a fifth still keeps the deadline. */
const SAFETY = 1.25

interface Run {
  jobs: readonly Job<Encoded>[]
  startedAt: number
  /** CPU seconds that its texts would take alone, one after the other. */
  aloneSeconds: number
}

export class BatchingEngine implements Engine {
  readonly #options: BatchingEngineOptions
  readonly #rules: BatchRules
  readonly #queue: JobQueue<Encoded>
  readonly #runs = new Map<Runner, Run>()
  #tokensInFlight = 0
  /**
   * Seconds by the clock for each CPU second that the texts of a run would take alone: batches lower it, other work on the same CPUs
   * raises it.
   */
  #pace = 1
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
    return live
  }

  get queued(): number {
    return this.#queue.length
  }

  get tokensInFlight(): number {
    return this.#tokensInFlight
  }

  get expectedWaitSeconds(): number {
    if (this.#queue.length === 0 && this.#runs.size < this.liveWorkers) return 0
    const now = performance.now()
    let seconds = this.#queue.seconds * this.#pace
    for (const { startedAt, aloneSeconds } of this.#runs.values()) {
      seconds += Math.max(0, aloneSeconds * this.#pace - (now - startedAt) / 1000)
    }
    return seconds / Math.max(1, this.liveWorkers)
  }

  checkAdmission(items: number, wait: Wait): void {
    this.#checkAdmission(items, 0, wait)
  }

  #checkAdmission(items: number, aloneSeconds: number, { deadline, signal }: Wait): void {
    if (this.#isClosing) throw new InferenceError('EngineClosed', 'the server is shutting down')
    if (signal?.aborted === true) this.#refuse('Abandoned', 'the caller went away')
    const leftSeconds = (deadline - performance.now()) / 1000
    if (leftSeconds <= 0) this.#refuse('DeadlineExceeded', 'the deadline passed before the texts were queued')
    const waitSeconds = this.expectedWaitSeconds
    if (!this.#queue.hasRoomFor(items)) {
      const message = `${this.#queue.length} texts are waiting, there is no room for ${items} more`
      this.#refuse('QueueFull', message, waitSeconds)
    }
    // Where nothing waits, it is tried: the estimate is none of the future.
    if (waitSeconds === 0) return
    const neededSeconds = SAFETY * (waitSeconds + (aloneSeconds * this.#pace) / Math.max(1, this.liveWorkers))
    if (neededSeconds > leftSeconds) {
      const waiting = `${this.#queue.length} texts are waiting, about ${Math.round(1000 * waitSeconds)} ms of work`
      const message = `${waiting}: no answer could be there within the ${Math.floor(1000 * leftSeconds)} ms that are left`
      this.#refuse('Overloaded', message, neededSeconds - leftSeconds)
    }
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
    this.#checkAdmission(items.length, sum(costs), wait)
    const tokens = sum(items.map(({ inputIds }) => inputIds.length))
    this.#tokensInFlight += tokens
    const jobs = items.map((item, index) => this.#queue.add(item, wait, costs[index] ?? 0))
    this.wake()
    try {
      return await Promise.all(jobs.map((job) => job.result))
    } catch (error) {
      const cause = error instanceof InferenceError ? error : new InferenceError('InferenceFailed', String(error))
      if (cause.code === 'DeadlineExceeded' || cause.code === 'Abandoned') this.#options.observer.rejected(cause.code)
      // The caller gets one answer for all of them: what is left is not worth a run.
      for (const job of jobs) job.reject(cause)
      await Promise.allSettled(jobs.map((job) => job.result))
      throw cause
    } finally {
      this.#tokensInFlight -= tokens
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
    const aloneSeconds = sum(jobs.map(({ seconds }) => seconds))
    for (const job of jobs) {
      this.#queue.take(job)
      observer.queued((startedAt - job.enqueuedAt) / 1000)
    }
    this.#runs.set(runner, { jobs, startedAt, aloneSeconds })
    const rows = jobs.map(({ item }) => item.inputIds)
    try {
      const { logits, seconds } = await runner.run(rows)
      const lengths = rows.map((row) => row.length)
      const paddedTokens = rows.length * Math.max(...lengths)
      observer.inferred({ seconds, rows: rows.length, tokens: sum(lengths), paddedTokens })
      this.#learnPace((performance.now() - startedAt) / 1000, aloneSeconds)
      jobs.forEach((job, index) => {
        const own = logits[index]
        if (own === undefined) job.reject(new InferenceError('InferenceFailed', 'the model gave no logits'))
        else job.resolve(own)
      })
    } catch (error) {
      this.#onFailure(jobs, error)
    } finally {
      this.#runs.delete(runner)
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

  #learnPace(seconds: number, aloneSeconds: number): void {
    if (aloneSeconds > 0) this.#pace = PACE_MEMORY * this.#pace + (1 - PACE_MEMORY) * (seconds / aloneSeconds)
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
