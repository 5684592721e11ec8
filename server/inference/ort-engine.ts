/** The engine on ONNX Runtime: N worker threads over one packed copy of the model, and batches by what they cost here. */
import type { Engine, EngineObserver } from './engine.ts'
import { CALIBRATION_BUDGET_MS, calibrationShapes } from './batching/calibration.ts'
import { costModel, unmeasuredCost, type CostModel } from './batching/cost-model.ts'
import { BATCH_RULES, type BatchRules } from './batching/plan-batch.ts'
import { BatchingEngine } from './batching-engine.ts'
import { packModel, type PackedModel } from './packed-model.ts'
import { WorkerRunner, type WorkerRunnerOptions } from './worker-runner.ts'

export interface OrtEngineOptions extends Pick<WorkerRunnerOptions, 'modelPath' | 'padId' | 'labels' | 'workerScript'> {
  /** Tokens of the longest text. */
  maxLength: number
  workers: number
  /** Items that may wait; more are refused with QueueFull. */
  queueLimit: number
  /** Where the packed copy is written; undefined: each worker loads the model itself. */
  scratch?: string | undefined
  rules?: BatchRules
  /** What batches are made by; absent: what runs take on this CPU, timed at the start. */
  cost?: CostModel
  observer: EngineObserver
  log: { info(details: object, message: string): void; warn(details: object, message: string): void }
}

export interface StartedEngine {
  engine: Engine
  /** What runs take on this CPU; undefined: they were not timed, or could not be. */
  measured: CostModel | undefined
}

/** @throws ArtifactError where the model can't be loaded */
export async function startOrtEngine(options: OrtEngineOptions): Promise<StartedEngine> {
  const { observer, queueLimit, rules = BATCH_RULES } = options
  if (options.workers < 1) throw new RangeError('an engine needs a worker')
  const packed = await packedOf(options)
  let engine: BatchingEngine | undefined
  const runners = Array.from(
    { length: options.workers },
    () =>
      new WorkerRunner({
        ...options,
        modelPath: packed?.path ?? options.modelPath,
        onChange: () => engine?.wake(),
        onRestart: () => observer.workerRestarted(),
      }),
  )
  const release = async (): Promise<void> => {
    await Promise.all(runners.map((runner) => runner.close()))
    await packed?.remove()
  }
  try {
    const [measured] = await Promise.all(
      runners.map(async (runner, index) => {
        await runner.start()
        return index === 0 && options.cost === undefined ? measure(runner, options) : undefined
      }),
    )
    const cost = options.cost ?? measured ?? unmeasuredCost()
    engine = new BatchingEngine({ runners, cost, queueLimit, rules, observer, release })
    return { engine, measured }
  } catch (error) {
    await release()
    throw error
  }
}

async function packedOf({ modelPath, scratch, log }: OrtEngineOptions): Promise<PackedModel | undefined> {
  if (scratch === undefined) return undefined
  const start = performance.now()
  try {
    const packed = await packModel(modelPath, scratch)
    log.info({ ms: Math.round(performance.now() - start) }, 'model packed for this CPU')
    return packed
  } catch (error) {
    log.warn({ err: error, scratch }, 'the model could not be packed: each worker loads a copy of its own')
    return undefined
  }
}

async function measure(
  runner: WorkerRunner,
  { maxLength, rules = BATCH_RULES, log }: OrtEngineOptions,
): Promise<CostModel | undefined> {
  try {
    const measurements = await runner.measure(calibrationShapes(maxLength, rules), CALIBRATION_BUDGET_MS)
    const cost = costModel(measurements)
    const milliseconds = measurements.map(({ rows, length, seconds }) => [`${rows}x${length}`, rounded(1000 * seconds)])
    log.info({ milliseconds: Object.fromEntries(milliseconds) as Record<string, number> }, 'runs timed')
    return cost
  } catch (error) {
    log.warn({ err: error }, 'runs could not be timed: texts are not batched')
    return undefined
  }
}

const rounded = (value: number): number => Math.round(100 * value) / 100
