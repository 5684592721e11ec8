/** All texts through one precision of one artifact, with the engine that serves. */
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { VerifiedArtifact } from '../artifact/verify.ts'
import type { CostModel } from '../inference/batching/cost-model.ts'
import { BATCH_RULES, type BatchRules } from '../inference/batching/plan-batch.ts'
import type { EngineObserver } from '../inference/engine.ts'
import { startOrtEngine, type StartedEngine } from '../inference/ort-engine.ts'
import { createPredictor, type Predictor } from '../inference/predictor.ts'
import type { Tokenizer } from '../inference/tokenizer.ts'
import { workerCount } from '../inference/worker-count.ts'
import { judge } from './judge.ts'

export interface EvaluationLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export type Verdicts = Awaited<ReturnType<typeof judge>>

/** What is judged, and with which weights. */
export interface Judging {
  artifact: VerifiedArtifact
  tokenizer: Tokenizer
  precision: 'fp32' | 'int8'
  texts: readonly { id: string | number; text: string }[]
  log: EvaluationLog
  signal?: AbortSignal | undefined
}

const SILENT: EngineObserver = { queued() {}, inferred() {}, rejected() {}, workerRestarted() {} }
/** Jobs that wait beside the running ones, so that no worker idles while a result is handled. */
const CONCURRENCY_PER_WORKER = 2
const PROGRESS_INTERVAL_MS = 2_000

/** One text a run, so that no text's logits can depend on its neighbours. `measured` is what a run takes here. */
export async function judgeArtifact(
  judging: Judging & { workers: number },
): Promise<{ judged: Verdicts; seconds: number; measured: CostModel | undefined }> {
  const { artifact, precision, texts, workers, log, signal } = judging
  const { version } = artifact.manifest
  const start = performance.now()
  const seconds = (): number => (performance.now() - start) / 1000
  const concurrency = workers * CONCURRENCY_PER_WORKER
  const rules = { ...BATCH_RULES, maxRows: 1 }
  return withEngine(judging, { workers, rules, queueLimit: concurrency }, async (predictor, measured) => {
    let reportedAt = start
    const judged = await judge(predictor, texts, {
      concurrency,
      signal,
      onProgress(done, total) {
        if (done < total && performance.now() - reportedAt < PROGRESS_INTERVAL_MS) return
        reportedAt = performance.now()
        log.info({ version, precision, done, total, textsPerSecond: Math.round(done / seconds()) }, 'evaluating')
      },
    })
    return { judged, seconds: seconds(), measured }
  })
}

/**
 * As many texts a run as there is room for, whatever their lengths and whether it pays: texts that wait together in a serving pod share
 * runs too, but there it is chance which. `shared` is how many had company.
 */
export async function judgeBatched(judging: Judging): Promise<{ judged: Verdicts; shared: number; seconds: number }> {
  const { artifact, texts, signal } = judging
  const start = performance.now()
  const { maxRows, maxPaddedTokens } = BATCH_RULES
  const rules: BatchRules = {
    maxRows,
    window: maxRows,
    minEfficiency: 0,
    // Two of the longest texts share a run too.
    maxPaddedTokens: Math.max(maxPaddedTokens, 2 * artifact.manifest.maxLength),
  }
  let shared = 0
  const observer: EngineObserver = {
    ...SILENT,
    inferred({ rows }) {
      if (rows > 1) shared += rows
    },
  }
  // Each run costs the same: the more texts the better. A second worker would take half of each batch.
  const engine = { workers: 1, rules, queueLimit: maxRows, observer, cost: { seconds: () => 1 } }
  return withEngine(judging, engine, async (predictor) => {
    const judged = await judge(predictor, texts, { concurrency: 1, textsPerRequest: maxRows, signal })
    return { judged, shared, seconds: (performance.now() - start) / 1000 }
  })
}

/** Nothing of the model is left in memory afterwards: the next one gets its place. */
async function withEngine<Result>(
  { artifact, tokenizer, precision, log }: Judging,
  own: { workers: number; rules: BatchRules; queueLimit: number; observer?: EngineObserver; cost?: CostModel },
  use: (predictor: Predictor, measured: StartedEngine['measured']) => Promise<Result>,
): Promise<Result> {
  const { labels, maxLength } = artifact.manifest
  const { engine, measured } = await startOrtEngine({
    modelPath: artifact.path(`model.${precision}.onnx`),
    padId: tokenizer.padId,
    labels: labels.length,
    maxLength,
    scratch: tmpdir(),
    observer: SILENT,
    log,
    ...own,
  })
  try {
    return await use(createPredictor({ tokenizer, engine, labels }), measured)
  } finally {
    await engine.close()
  }
}

/** How many workers there is room for, by the larger file: the precisions take turns. */
export async function countWorkers(artifact: VerifiedArtifact, log: EvaluationLog): Promise<number> {
  const { size: bytes } = await stat(artifact.path('model.fp32.onnx'))
  // Also where no copy can be shared.
  const count = workerCount({ bytes, isShared: false })
  log.info({ version: artifact.manifest.version, ...count }, 'workers counted')
  return count.workers
}
