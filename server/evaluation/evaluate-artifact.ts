/** Measures an artifact through the engine and the tokenizer that serve. It judges nothing: the operator does. */
import type { EvaluatorSpec } from '../../contract/job-spec.ts'
import type { EvaluationSummary } from '../../contract/termination.ts'
import { readEvaluationRows, readParityRows } from '../artifact/read-rows.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import { describeCpu } from '../inference/cpu.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { measureAgainst, type Stable } from './against.ts'
import { agreement } from './agreement.ts'
import { describeEnvironment } from './environment.ts'
import { goldenTexts } from './golden.ts'
import { countWorkers, judgeArtifact, type EvaluationLog } from './judge-artifact.ts'
import { parity } from './parity.ts'
import { quality } from './quality.ts'
import type { EvaluationReport } from './report.ts'

export async function evaluateArtifact(options: {
  directory: string
  spec: EvaluatorSpec
  /** The version to compare with. */
  stable?: Stable | undefined
  log: EvaluationLog
  signal?: AbortSignal | undefined
}): Promise<EvaluationReport> {
  const { spec, stable, log, signal } = options
  const started = performance.now()
  const since = (start: number): number => (performance.now() - start) / 1000
  const artifact = await verifyArtifact(
    options.directory,
    { digest: spec.manifestSha256, version: spec.version },
    signal,
  )
  const cpu = describeCpu()
  const { labels } = artifact.manifest
  const tokenizer = await loadTokenizer(artifact)
  const parityRows = await readParityRows(artifact)
  const rows = await readEvaluationRows(artifact)
  const verifySeconds = since(started)
  log.info(
    { version: artifact.manifest.version, digest: artifact.digest, rows: rows.length, parityTexts: parityRows.length },
    'artifact verified',
  )
  const workers = await countWorkers(artifact, log)
  const texts = [...parityRows.map(({ text }, index) => ({ id: `parity-${index + 1}`, text })), ...rows]
  const truth = rows.length === 0 ? undefined : rows.map(({ label }) => labels.indexOf(label))
  const measure = async (precision: 'fp32' | 'int8') => {
    const { judged, seconds } = await judgeArtifact({ artifact, tokenizer, precision, texts, workers, log, signal })
    const own = judged.slice(parityRows.length)
    return {
      parity: judged.slice(0, parityRows.length),
      rows: own,
      quality:
        truth &&
        quality(
          truth,
          own.map(({ label }) => label),
          labels,
        ),
      seconds,
    }
  }
  const fp32 = await measure('fp32')
  const int8 = await measure('int8')
  const basis = rows.length === 0 ? 'parity' : 'rows'
  // Last, when the candidate's models are out of memory and its own figures are there.
  const againstStart = performance.now()
  const against =
    stable &&
    (await measureAgainst({
      stable,
      candidate: { labels, fp32: fp32[basis], int8: int8[basis] },
      truth,
      log,
      signal,
    }))
  const againstSeconds = since(againstStart)

  const { mismatches, ...parityFigures } = parity(
    parityRows,
    tokenizer,
    fp32.parity.map(({ logits }) => logits),
  )
  const { worst, ...int8Agreement } = agreement(fp32[basis], int8[basis], labels)
  const summary: EvaluationSummary = {
    manifestSha256: artifact.digest,
    parity: parityFigures,
    rows: rows.length,
    ...(fp32.quality && { fp32: { accuracy: fp32.quality.accuracy, macroF1: fp32.quality.macroF1 } }),
    ...(int8.quality && { int8: { accuracy: int8.quality.accuracy, macroF1: int8.quality.macroF1 } }),
    int8Agreement,
    ...(against && { against: against.summary }),
    golden: goldenTexts(parityRows, [fp32.parity, int8.parity], labels),
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
    ...(against?.worst && { worstLabelChanges: against.worst }),
    truncatedRows: fp32.rows.filter(({ isTruncated }) => isTruncated).length,
    environment: describeEnvironment(workers, cpu),
    seconds: {
      verify: verifySeconds,
      fp32: fp32.seconds,
      int8: int8.seconds,
      ...(against && { against: againstSeconds }),
      total: since(started),
    },
  }
}
