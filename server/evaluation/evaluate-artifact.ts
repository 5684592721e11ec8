/** Measures an artifact through the engine and the tokenizer that serve. It judges nothing: the operator does. */
import { stat } from 'node:fs/promises'
import type { EvaluatorSpec } from '../../contract/job-spec.ts'
import type { EvaluationSummary } from '../../contract/termination.ts'
import { readEvaluationRows, readParityRows } from '../artifact/read-rows.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import type { Engine, EngineObserver } from '../inference/engine.ts'
import { startOrtEngine } from '../inference/ort-engine.ts'
import { createPredictor } from '../inference/predictor.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { workerCount } from '../inference/worker-count.ts'
import { agreement } from './agreement.ts'
import { describeEnvironment } from './environment.ts'
import { judge } from './judge.ts'
import { parity } from './parity.ts'
import { quality } from './quality.ts'
import type { EvaluationReport } from './report.ts'

export interface EvaluationLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

const SILENT: EngineObserver = { queued() {}, inferred() {}, rejected() {}, workerRestarted() {} }
/** Jobs that wait beside the running ones, so that no worker idles while a result is handled. */
const CONCURRENCY_PER_WORKER = 2
const PROGRESS_INTERVAL_MS = 2_000

export async function evaluateArtifact(options: {
  directory: string
  spec: EvaluatorSpec
  log: EvaluationLog
  signal?: AbortSignal | undefined
}): Promise<EvaluationReport> {
  const { spec, log, signal } = options
  const started = performance.now()
  const since = (start: number): number => (performance.now() - start) / 1000
  const artifact = await verifyArtifact(
    options.directory,
    { digest: spec.manifestSha256, version: spec.version },
    signal,
  )
  const { labels } = artifact.manifest
  const tokenizer = await loadTokenizer(artifact)
  const parityRows = await readParityRows(artifact)
  const rows = await readEvaluationRows(artifact)
  const verifySeconds = since(started)
  log.info(
    { version: artifact.manifest.version, digest: artifact.digest, rows: rows.length, parityTexts: parityRows.length },
    'artifact verified',
  )
  // The precisions take turns, so the larger file decides.
  const count = workerCount((await stat(artifact.path('model.fp32.onnx'))).size)
  const { workers } = count
  log.info(count, 'workers counted')

  const texts = [...parityRows.map(({ text }, index) => ({ id: `parity-${index + 1}`, text })), ...rows]
  const measure = async (precision: 'fp32' | 'int8') => {
    const start = performance.now()
    const engine: Engine = await startOrtEngine({
      modelPath: artifact.path(`model.${precision}.onnx`),
      padId: tokenizer.padId,
      labels: labels.length,
      workers,
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
          log.info({ precision, done, total, textsPerSecond: Math.round(done / since(start)) }, 'evaluating')
        },
      })
      const own = judged.slice(parityRows.length)
      return {
        parity: judged.slice(0, parityRows.length),
        rows: own,
        quality:
          rows.length === 0
            ? undefined
            : quality(
                rows.map(({ label }) => labels.indexOf(label)),
                own.map(({ label }) => label),
                labels,
              ),
        seconds: since(start),
      }
    } finally {
      await engine.close()
    }
  }
  const fp32 = await measure('fp32')
  const int8 = await measure('int8')

  const { mismatches, ...parityFigures } = parity(
    parityRows,
    tokenizer,
    fp32.parity.map(({ logits }) => logits),
  )
  const basis = rows.length === 0 ? 'parity' : 'rows'
  const { worst, ...int8Agreement } = agreement(fp32[basis], int8[basis], labels)
  const summary: EvaluationSummary = {
    manifestSha256: artifact.digest,
    parity: parityFigures,
    rows: rows.length,
    ...(fp32.quality && { fp32: { accuracy: fp32.quality.accuracy, macroF1: fp32.quality.macroF1 } }),
    ...(int8.quality && { int8: { accuracy: int8.quality.accuracy, macroF1: int8.quality.macroF1 } }),
    int8Agreement,
  }
  return {
    schemaVersion: 1,
    version: artifact.manifest.version,
    attempt: spec.attempt,
    finishedAt: new Date().toISOString(),
    summary,
    labels,
    tokenMismatches: mismatches,
    quality: { ...(fp32.quality && { fp32: fp32.quality }), ...(int8.quality && { int8: int8.quality }) },
    worstDisagreements: worst,
    truncatedRows: fp32.rows.filter(({ isTruncated }) => isTruncated).length,
    environment: describeEnvironment(workers),
    seconds: { verify: verifySeconds, fp32: fp32.seconds, int8: int8.seconds, total: since(started) },
  }
}
