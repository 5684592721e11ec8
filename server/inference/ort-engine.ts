/** The engine on ONNX Runtime: N worker threads over one packed copy of the model, and batches by what they cost here. */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Engine, EngineObserver } from './engine.ts'
import { CALIBRATION_BUDGET_MS, calibrationShapes } from './batching/calibration.ts'
import { costModel, unmeasuredCost, type CostModel } from './batching/cost-model.ts'
import { BATCH_RULES, type BatchRules } from './batching/plan-batch.ts'
import { BatchingEngine } from './batching-engine.ts'
import { packModel, type PackedModel } from './packed-model.ts'
import { workerCount } from './worker-count.ts'
import { WorkerRunner, type WorkerRunnerOptions } from './worker-runner.ts'

export interface OrtEngineOptions extends Pick<WorkerRunnerOptions, 'modelPath' | 'padId' | 'labels' | 'workerScript'> {
  /** Tokens of the longest text. */
  maxLength: number
  /** Undefined: as many as the CPUs and the memory carry. */
  workers?: number | undefined
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
  const { log } = options
  const packed = await packedOf(options)
  if (packed === undefined) return start(options)
  try {
    return await start(options, packed)
  } catch (error) {
    // Whose fault it is shows only without the copy.
    log.warn({ err: error }, 'no worker could use the packed copy: each loads the model itself')
    return start(options)
  }
}

async function start(options: OrtEngineOptions, packed?: PackedModel): Promise<StartedEngine> {
  const { modelPath, observer, queueLimit, log, rules = BATCH_RULES } = options
  const model = { bytes: (await stat(modelPath)).size, isShared: packed !== undefined }
  const count = options.workers === undefined ? workerCount(model) : { workers: options.workers }
  log.info(count, 'workers counted')
  let engine: BatchingEngine | undefined
  const runners = Array.from(
    { length: count.workers },
    () =>
      new WorkerRunner({
        ...options,
        modelPath: packed?.path ?? modelPath,
        modelFile: basename(modelPath),
        onChange: () => engine?.wake(),
        onRestart: () => observer.workerRestarted(),
      }),
  )
  const release = async (): Promise<void> => {
    await Promise.all(runners.map((runner) => runner.close()))
    await packed?.remove().catch((error: unknown) => {
      log.warn({ err: error }, 'the packed copy of the model could not be removed')
    })
  }
  try {
    await Promise.all(runners.map((runner) => runner.start()))
    const [first] = runners
    if (first === undefined) throw new RangeError('an engine needs a worker')
    const measured = options.cost === undefined ? await measure(first, options) : undefined
    const cost = options.cost ?? measured
    engine = new BatchingEngine({
      runners,
      cost: cost ?? unmeasuredCost(),
      queueLimit,
      // What could not be timed may not run at all: a model with a fixed number of rows.
      rules: cost === undefined ? { ...rules, maxRows: 1 } : rules,
      observer,
      release,
    })
    return { engine, measured }
  } catch (error) {
    await release()
    throw error
  }
}

async function packedOf({ modelPath, scratch, log }: OrtEngineOptions): Promise<PackedModel | undefined> {
  if (scratch === undefined) return undefined
  const begin = performance.now()
  try {
    const packed = await packModel(modelPath, scratch)
    log.info({ ms: Math.round(performance.now() - begin) }, 'model packed for this CPU')
    return packed
  } catch (error) {
    log.warn({ err: error, scratch }, 'the model could not be packed: each worker loads a copy of its own')
    return undefined
  }
}

/** Undefined: it could not be measured. */
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
