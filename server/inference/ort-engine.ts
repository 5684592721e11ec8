/** The engine on ONNX Runtime: one bounded queue, N worker threads that each run one job at a time. */
import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ArtifactError } from '../artifact/artifact-error.ts'
import type { Encoded, Engine, EngineObserver, Wait } from './engine.ts'
import { InferenceError } from './inference-error.ts'
import { JobQueue, type Job } from './job-queue.ts'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-protocol.ts'

export interface OrtEngineOptions extends WorkerOptions {
  workers: number
  /** Items that may wait; more are refused with QueueFull. */
  queueLimit: number
  observer: EngineObserver
  log: { warn(details: object, message: string): void }
  /** Another worker script; tests use one that dies. */
  workerScript?: URL
}

/** `.ts` where the sources run as they are, `.js` once they are compiled. */
const WORKER_SCRIPT = new URL(`./ort-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

const CRASHES_PER_JOB = 2
const RESTART_DELAY_MS = { first: 100, longest: 10_000 }
/** Assumed for a Retry-After before anything was measured. */
const INITIAL_SECONDS_PER_ITEM = 0.02

interface Slot {
  worker: Worker | undefined
  state: 'starting' | 'idle' | 'busy' | 'gone'
  job: Job<Encoded> | undefined
  restarts: number
}

/** @throws ArtifactError where the model can't be loaded */
export async function startOrtEngine(options: OrtEngineOptions): Promise<Engine> {
  const engine = new OrtEngine(options)
  try {
    await engine.start()
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

class OrtEngine implements Engine {
  readonly #options: OrtEngineOptions
  readonly #queue: JobQueue<Encoded>
  readonly #slots: Slot[]
  readonly #restartTimers = new Set<NodeJS.Timeout>()
  #isClosing = false
  #closed: Promise<void> | undefined
  #idle: (() => void) | undefined
  #secondsPerItem = INITIAL_SECONDS_PER_ITEM

  constructor(options: OrtEngineOptions) {
    this.#options = options
    this.#queue = new JobQueue({ limit: options.queueLimit, now: () => performance.now() })
    this.#slots = Array.from({ length: options.workers }, () => ({
      worker: undefined,
      state: 'gone',
      job: undefined,
      restarts: 0,
    }))
  }

  get liveWorkers(): number {
    return this.#slots.filter((slot) => slot.state === 'idle' || slot.state === 'busy').length
  }

  get queued(): number {
    return this.#queue.length
  }

  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#startWorker(slot)))
  }

  checkAdmission(items: number, wait: Wait): void {
    if (this.#isClosing) throw new InferenceError('EngineClosed', 'the server is shutting down')
    if (wait.signal?.aborted === true) this.#refuse('Abandoned', 'the caller went away')
    if (wait.deadline <= performance.now()) {
      this.#refuse('DeadlineExceeded', 'the deadline passed before the texts were queued')
    }
    if (!this.#queue.hasRoomFor(items)) {
      const message = `${this.#queue.length} texts are waiting, there is no room for ${items} more`
      this.#refuse('QueueFull', message, { retryAfterSeconds: this.#drainSeconds() })
    }
  }

  #refuse(
    code: 'QueueFull' | 'DeadlineExceeded' | 'Abandoned',
    message: string,
    options?: { retryAfterSeconds: number },
  ): never {
    this.#options.observer.rejected(code)
    throw new InferenceError(code, message, options)
  }

  async infer(items: readonly Encoded[], wait: Wait): Promise<Float32Array[]> {
    this.checkAdmission(items.length, wait)
    const jobs = items.map((item) => this.#queue.add(item, wait))
    this.#dispatch()
    try {
      return await Promise.all(jobs.map((job) => job.result))
    } catch (error) {
      const cause = error instanceof InferenceError ? error : new InferenceError('InferenceFailed', String(error))
      if (cause.code === 'DeadlineExceeded' || cause.code === 'Abandoned') this.#options.observer.rejected(cause.code)
      // The caller gets one answer for all of them: what is left is not worth a run.
      for (const job of jobs) job.reject(cause)
      await Promise.allSettled(jobs.map((job) => job.result))
      throw cause
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    for (const timer of this.#restartTimers) clearTimeout(timer)
    if (this.liveWorkers === 0) this.#queue.rejectAll(new InferenceError('EngineClosed', 'the server is shutting down'))
    if (!this.#isIdle()) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
    await Promise.all(
      this.#slots.map(async ({ worker }) => {
        if (worker === undefined) return
        const exited = new Promise((resolve) => worker.once('exit', resolve))
        worker.postMessage({ kind: 'close' } satisfies ToWorker)
        await exited
      }),
    )
  }

  #isIdle(): boolean {
    return this.#queue.length === 0 && this.#slots.every((slot) => slot.state !== 'busy' && slot.state !== 'starting')
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (slot.state !== 'idle' || slot.worker === undefined) continue
      const job = this.#queue.take()
      if (job === undefined) break
      slot.state = 'busy'
      slot.job = job
      this.#options.observer.queued((performance.now() - job.enqueuedAt) / 1000)
      slot.worker.postMessage({ kind: 'run', rows: [job.item.inputIds] } satisfies ToWorker)
    }
    if (this.#idle !== undefined && this.#isIdle()) this.#idle()
  }

  /** Resolves when the worker can take a job; rejects where its model can't be loaded. */
  #startWorker(slot: Slot): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const { modelPath, padId, labels, workerScript } = this.#options
    const worker = new Worker(workerScript ?? WORKER_SCRIPT, {
      workerData: { modelPath, padId, labels } satisfies WorkerOptions,
      // Flags of the main thread are not the worker's: a test runner's loader would be started in each of them.
      execArgv: [],
    })
    slot.worker = worker
    slot.state = 'starting'
    let cause: Error | undefined
    const fail = (reason: string): void =>
      reject(new ArtifactError('ModelUnusable', basename(modelPath), reason, cause === undefined ? {} : { cause }))

    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          slot.state = 'idle'
          resolve(undefined)
          break
        case 'unusable':
          fail(`can't be loaded: ${message.reason}`)
          break
        case 'done':
          this.#options.observer.inferred(message.seconds)
          this.#secondsPerItem = 0.9 * this.#secondsPerItem + 0.1 * message.seconds
          slot.restarts = 0
          this.#finish(slot, (job) => {
            const [logits] = message.logits
            if (logits === undefined) job.reject(new InferenceError('InferenceFailed', 'the model gave no logits'))
            else job.resolve(logits)
          })
          break
        case 'failed':
          this.#finish(slot, (job) => job.reject(new InferenceError('InferenceFailed', `the model ${message.reason}`)))
          break
      }
      this.#dispatch()
    })
    worker.on('error', (error) => {
      cause = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => {
      slot.worker = undefined
      fail(`its worker ended with code ${code} while it was loading${cause === undefined ? '' : `: ${cause.message}`}`)
      this.#onExit(slot, code, cause)
    })
    return promise
  }

  #finish(slot: Slot, settle: (job: Job<Encoded>) => void): void {
    const job = slot.job
    slot.job = undefined
    slot.state = 'idle'
    if (job !== undefined) settle(job)
  }

  /** A worker that ended although nobody asked it to: its job gets one more try, and another worker takes its place. */
  #onExit(slot: Slot, code: number, cause: Error | undefined): void {
    const wasServing = slot.state === 'idle' || slot.state === 'busy'
    const job = slot.job
    slot.state = 'gone'
    slot.job = undefined
    if (job !== undefined) {
      job.crashes++
      if (job.crashes < CRASHES_PER_JOB) this.#queue.requeue(job)
      else {
        const options = cause === undefined ? {} : { cause }
        job.reject(new InferenceError('WorkerLost', `${job.crashes} workers ended over this text`, options))
      }
    }
    const isExpected = this.#isClosing && this.#queue.length === 0
    // A worker that never served belongs to a start that failed, and whoever started it knows.
    const isFailedStart = !wasServing && slot.restarts === 0
    if (!isExpected && !isFailedStart) this.#scheduleRestart(slot, code, cause)
    this.#dispatch()
  }

  #scheduleRestart(slot: Slot, code: number, cause: Error | undefined): void {
    this.#options.log.warn({ code, err: cause, restarts: slot.restarts }, 'a worker ended; starting another')
    this.#options.observer.workerRestarted()
    const delay = Math.min(RESTART_DELAY_MS.first * 2 ** slot.restarts, RESTART_DELAY_MS.longest)
    slot.restarts++
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer)
      // Its exit event has the reason and starts the next one.
      this.#startWorker(slot).catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'a worker could not be started')
      })
    }, delay)
    this.#restartTimers.add(timer)
  }

  #drainSeconds(): number {
    const seconds = (this.#queue.length * this.#secondsPerItem) / Math.max(1, this.liveWorkers)
    return Math.max(1, Math.ceil(seconds))
  }
}
