/** Measures an artifact through the engine and the tokenizer that serve. It judges nothing: the operator does. */
import type { EvaluatorSpec } from '../../contract/job-spec.ts'
import type { EvaluationSummary } from '../../contract/termination.ts'
import { readEvaluationRows, readParityRows } from '../artifact/read-rows.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import type { CostModel } from '../inference/batching/cost-model.ts'
import { describeCpu, type Cpu } from '../inference/cpu.ts'
import { evenly } from '../inference/evenly.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { measureAgainst, type Stable } from './against.ts'
import { agreement } from './agreement.ts'
import { measureBatchChanges } from './batch-changes.ts'
import { describeEnvironment } from './environment.ts'
import { goldenTexts } from './golden.ts'
import { countWorkers, judgeArtifact, type EvaluationLog, type Verdicts } from './judge-artifact.ts'
import { parity } from './parity.ts'
import { quality } from './quality.ts'
import type { EvaluationReport } from './report.ts'

/** How many texts are also answered in company: enough to find a dependence, and the same time for any number of rows. */
const BATCHED_TEXTS = { parity: 256, rows: 128 } as const

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
    const judging = { artifact, tokenizer, precision, log, signal }
    const { judged, seconds, measured } = await judgeArtifact({ ...judging, texts, workers })
    const own = judged.slice(parityRows.length)
    const parityOwn = judged.slice(0, parityRows.length)
    const alone = [...evenly(parityOwn, BATCHED_TEXTS.parity), ...evenly(own, BATCHED_TEXTS.rows)]
    return {
      parity: parityOwn,
      rows: own,
      batched: await measureBatchChanges({ ...judging, alone }),
      cost: measured,
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
  const batchedTexts = Math.min(fp32.batched.texts, int8.batched.texts)
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
    ...(batchedTexts > 0 && {
      batched: {
        texts: batchedTexts,
        fp32: { maxScoreChange: fp32.batched.maxScoreChange },
        int8: { maxScoreChange: int8.batched.maxScoreChange },
      },
    }),
    ...costOf(fp32[basis], { fp32: fp32.cost, int8: int8.cost }, cpu),
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
    worstBatchChanges: { fp32: fp32.batched.worst, int8: int8.batched.worst },
    ...(against?.worst && { worstLabelChanges: against.worst }),
    truncatedRows: fp32.rows.filter(({ isTruncated }) => isTruncated).length,
    environment: describeEnvironment(workers, cpu),
    seconds: {
      verify: verifySeconds,
      fp32: fp32.seconds,
      int8: int8.seconds,
      batched: fp32.batched.seconds + int8.batched.seconds,
      ...(against && { against: againstSeconds }),
      total: since(started),
    },
  }
}

/** CPU time of a run of one text of mean length, in each precision. Absent where one of them could not be timed. */
function costOf(
  judged: Verdicts,
  costs: { fp32: CostModel | undefined; int8: CostModel | undefined },
  cpu: Cpu,
): Pick<EvaluationSummary, 'cost'> {
  if (costs.fp32 === undefined || costs.int8 === undefined) return {}
  const tokens = Math.round(judged.reduce((sum, verdict) => sum + verdict.tokens, 0) / judged.length)
  const milliseconds = (cost: CostModel): number =>
    Number((1000 * cost.seconds({ rows: 1, length: tokens })).toFixed(3))
  return {
    cost: {
      tokens,
      fp32Milliseconds: milliseconds(costs.fp32),
      int8Milliseconds: milliseconds(costs.int8),
      ...(cpu.flags && { cpuFlags: [...cpu.flags] }),
    },
  }
}
