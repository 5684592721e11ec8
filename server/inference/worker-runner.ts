/** A runner on a worker thread, which is replaced when it ends unasked. */
import { Worker } from 'node:worker_threads'
import { ArtifactError } from '../artifact/artifact-error.ts'
import type { Measurement, Shape } from './batching/cost-model.ts'
import { ModelFailure, RunnerLost, type BatchResult, type Runner } from './runner.ts'
import { joinRows } from './tensors.ts'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-protocol.ts'

export interface WorkerRunnerOptions extends WorkerOptions {
  /** How errors call the model: the artifact's file, which a packed copy stands for. */
  modelFile: string
  log: { warn(details: object, message: string): void }
  /** It is idle again, or gone, without a call that says so. */
  onChange(): void
  onRestart(): void
  /** Another worker script; tests use one that dies. */
  workerScript?: URL | undefined
}

/** `.ts` where the sources run as they are, `.js` once they are compiled. */
const WORKER_SCRIPT = new URL(`./ort-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

const RESTART_DELAY_MS = { first: 100, longest: 10_000 }

/** What the worker is at: one thing at a time. */
interface Pending {
  reject(error: Error): void
  onResult(result: BatchResult): void
  onMeasured(measurements: Measurement[]): void
}

export class WorkerRunner implements Runner {
  readonly #options: WorkerRunnerOptions
  #worker: Worker | undefined
  #state: Runner['state'] = 'gone'
  #pending: Pending | undefined
  #restarts = 0
  #restartTimer: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(options: WorkerRunnerOptions) {
    this.#options = options
  }

  get state(): Runner['state'] {
    return this.#state
  }

  /**
   * Resolves when it can take a batch.
   * @throws ArtifactError where the model can't be loaded
   */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const { modelPath, modelFile, padId, labels, workerScript } = this.#options
    const worker = new Worker(workerScript ?? WORKER_SCRIPT, {
      workerData: { modelPath, padId, labels } satisfies WorkerOptions,
      // Flags of the main thread are not the worker's: a test runner's loader would be started in each of them.
      execArgv: [],
    })
    this.#worker = worker
    this.#state = 'starting'
    let cause: Error | undefined
    const fail = (reason: string): void =>
      reject(new ArtifactError('ModelUnusable', modelFile, reason, cause === undefined ? {} : { cause }))

    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          this.#state = 'idle'
          resolve(undefined)
          this.#options.onChange()
          break
        case 'unusable':
          fail(`can't be loaded: ${message.reason}`)
          break
        case 'done':
          this.#restarts = 0
          this.#settle((pending) =>
            pending.onResult({ logits: cutRows(message.logits, labels), seconds: message.seconds }),
          )
          break
        case 'failed':
          this.#settle((pending) => pending.reject(new ModelFailure(`the model ${message.reason}`)))
          break
        case 'measured':
          this.#settle((pending) => pending.onMeasured(message.measurements))
          break
      }
    })
    worker.on('error', (error) => {
      cause = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => {
      fail(`its worker ended with code ${code} while it was loading${cause === undefined ? '' : `: ${cause.message}`}`)
      this.#onExit(code, cause)
    })
    return promise
  }

  run(rows: readonly Int32Array[]): Promise<BatchResult> {
    return this.#send({ kind: 'run', rows: joinRows(rows) }, (resolve) => ({ onResult: resolve }))
  }

  /**
   * CPU time of runs of these shapes; of fewer where the budget is too small for all.
   * @throws RunnerLost, ModelFailure
   */
  measure(shapes: readonly Shape[], budgetMs: number): Promise<Measurement[]> {
    return this.#send({ kind: 'measure', shapes, budgetMs }, (resolve) => ({ onMeasured: resolve }))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restartTimer)
    const worker = this.#worker
    if (worker === undefined) return
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage({ kind: 'close' } satisfies ToWorker)
    await exited
  }

  #send<T>(message: ToWorker, answered: (resolve: (value: T) => void) => Partial<Pending>): Promise<T> {
    if (this.#state !== 'idle' || this.#worker === undefined)
      throw new Error(`a runner that is ${this.#state} was used`)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const unasked = (): void => {
      reject(new RunnerLost('the worker answered something else than it was asked'))
    }
    this.#pending = { reject, onResult: unasked, onMeasured: unasked, ...answered(resolve) }
    this.#state = 'busy'
    this.#worker.postMessage(message)
    return promise
  }

  #settle(settle: (pending: Pending) => void): void {
    const pending = this.#pending
    this.#pending = undefined
    this.#state = 'idle'
    if (pending !== undefined) settle(pending)
  }

  #onExit(code: number, cause: Error | undefined): void {
    // A worker that never served belongs to a start that failed, and whoever started it knows.
    const isFailedStart = this.#state === 'starting' && this.#restarts === 0
    this.#worker = undefined
    this.#state = 'gone'
    if (!this.#isClosing && !isFailedStart) this.#scheduleRestart(code, cause)
    const lost = new RunnerLost(`the worker ended with code ${code}`, cause === undefined ? {} : { cause })
    const pending = this.#pending
    this.#pending = undefined
    pending?.reject(lost)
    this.#options.onChange()
  }

  #scheduleRestart(code: number, cause: Error | undefined): void {
    this.#options.log.warn({ code, err: cause, restarts: this.#restarts }, 'a worker ended; starting another')
    this.#options.onRestart()
    const delay = Math.min(RESTART_DELAY_MS.first * 2 ** this.#restarts, RESTART_DELAY_MS.longest)
    this.#restarts++
    this.#restartTimer = setTimeout(() => {
      // Its exit event has the reason and starts the next one.
      this.start().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'a worker could not be started')
      })
    }, delay)
  }
}

function cutRows(values: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: values.length / size }, (_, row) => values.subarray(row * size, (row + 1) * size))
}
