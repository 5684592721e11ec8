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
  observer: EngineObserver
  log: { info(details: object, message: string): void; warn(details: object, message: string): void }
}

/** @throws ArtifactError where the model can't be loaded */
export async function startOrtEngine(options: OrtEngineOptions): Promise<Engine> {
  const { observer, queueLimit, rules = BATCH_RULES } = options
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
    const [cost] = await Promise.all(
      runners.map(async (runner, index) => {
        await runner.start()
        return index === 0 ? measure(runner, options) : undefined
      }),
    )
    if (cost === undefined) throw new RangeError('an engine needs a worker')
    engine = new BatchingEngine({ runners, cost, queueLimit, rules, observer, release })
  } catch (error) {
    await release()
    throw error
  }
  return engine
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
): Promise<CostModel> {
  try {
    const measurements = await runner.measure(calibrationShapes(maxLength, rules), CALIBRATION_BUDGET_MS)
    const cost = costModel(measurements)
    const milliseconds = measurements.map(({ rows, length, seconds }) => [`${rows}x${length}`, rounded(1000 * seconds)])
    log.info({ milliseconds: Object.fromEntries(milliseconds) as Record<string, number> }, 'runs timed')
    return cost
  } catch (error) {
    log.warn({ err: error }, 'runs could not be timed: texts are not batched')
    return unmeasuredCost()
  }
}

const rounded = (value: number): number => Math.round(100 * value) / 100
