/** All texts through one precision of one artifact, with the engine that serves. */
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { VerifiedArtifact } from '../artifact/verify.ts'
import { BATCH_RULES } from '../inference/batching/plan-batch.ts'
import type { Engine, EngineObserver } from '../inference/engine.ts'
import { startOrtEngine } from '../inference/ort-engine.ts'
import { createPredictor } from '../inference/predictor.ts'
import type { Tokenizer } from '../inference/tokenizer.ts'
import { workerCount } from '../inference/worker-count.ts'
import { judge } from './judge.ts'

export interface EvaluationLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export type Verdicts = Awaited<ReturnType<typeof judge>>

const SILENT: EngineObserver = { queued() {}, inferred() {}, rejected() {}, workerRestarted() {} }
/** Jobs that wait beside the running ones, so that no worker idles while a result is handled. */
const CONCURRENCY_PER_WORKER = 2
const PROGRESS_INTERVAL_MS = 2_000

/** Nothing of the model is left in memory afterwards: the next one gets its place. */
export async function judgeArtifact(options: {
  artifact: VerifiedArtifact
  tokenizer: Tokenizer
  precision: 'fp32' | 'int8'
  texts: readonly { id: string | number; text: string }[]
  workers: number
  log: EvaluationLog
  signal?: AbortSignal | undefined
}): Promise<{ judged: Verdicts; seconds: number }> {
  const { artifact, tokenizer, precision, texts, workers, log, signal } = options
  const { labels, version } = artifact.manifest
  const start = performance.now()
  const seconds = (): number => (performance.now() - start) / 1000
  const engine: Engine = await startOrtEngine({
    modelPath: artifact.path(`model.${precision}.onnx`),
    padId: tokenizer.padId,
    labels: labels.length,
    maxLength: artifact.manifest.maxLength,
    workers,
    scratch: tmpdir(),
    // One text a run: no text's logits can depend on its neighbours.
    rules: { ...BATCH_RULES, maxRows: 1 },
    queueLimit: workers * CONCURRENCY_PER_WORKER,
    observer: SILENT,
    log,
  })
  let reportedAt = start
  try {
    const judged = await judge(createPredictor({ tokenizer, engine, labels }), texts, {
      concurrency: workers * CONCURRENCY_PER_WORKER,
      signal,
      onProgress(done, total) {
        if (done < total && performance.now() - reportedAt < PROGRESS_INTERVAL_MS) return
        reportedAt = performance.now()
        log.info({ version, precision, done, total, textsPerSecond: Math.round(done / seconds()) }, 'evaluating')
      },
    })
    return { judged, seconds: seconds() }
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
