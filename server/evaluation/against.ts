/** The candidate's answers held against those of the version that is stable now. */
import type { EvaluatorSpec } from '../../contract/job-spec.ts'
import type { EvaluationAgainst } from '../../contract/termination.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { countWorkers, judgeArtifact, type EvaluationLog, type Verdicts } from './judge-artifact.ts'
import { labelChanges, type WorstChanges } from './label-changes.ts'
import { failureOf } from './outcome.ts'

export interface Stable {
  /** Of its artifact. */
  directory: string
  spec: NonNullable<EvaluatorSpec['against']>
}

export interface Against {
  summary: EvaluationAgainst
  /** By precision of the candidate; absent where the two can't be compared. */
  worst?: { fp32: WorstChanges; int8: WorstChanges }
}

const MESSAGE_CHARACTERS = 256

/**
 * Stable answers in the one precision that it serves. Whatever is wrong with its artifact is said in the summary: it is no reason to
 * fail the candidate.
 * @throws only what `signal` was aborted with
 */
export async function measureAgainst(options: {
  stable: Stable
  candidate: { labels: readonly string[]; fp32: Verdicts; int8: Verdicts }
  /** Index of each text's label; absent where it is not known. */
  truth?: readonly number[] | undefined
  log: EvaluationLog
  signal?: AbortSignal | undefined
}): Promise<Against> {
  const { stable, candidate, truth, log, signal } = options
  const { version, manifestSha256, precision } = stable.spec
  const incomparable = (reason: Extract<EvaluationAgainst, { comparable: false }>['reason'], message: string) => ({
    summary: {
      comparable: false as const,
      version,
      reason,
      message: message.slice(0, MESSAGE_CHARACTERS).toWellFormed(),
    },
  })
  try {
    const artifact = await verifyArtifact(stable.directory, { digest: manifestSha256, version }, signal)
    const { labels } = artifact.manifest
    if (JSON.stringify(labels) !== JSON.stringify(candidate.labels)) {
      return incomparable(
        'LabelsDiffer',
        `its labels are ${labels.join(', ')}; those of this version are ${candidate.labels.join(', ')}`,
      )
    }
    const tokenizer = await loadTokenizer(artifact)
    const workers = await countWorkers(artifact, log)
    const texts = candidate.fp32
    const { judged } = await judgeArtifact({ artifact, tokenizer, precision, texts, workers, log, signal })
    const fp32 = labelChanges(judged, candidate.fp32, labels, truth)
    const int8 = labelChanges(judged, candidate.int8, labels, truth)
    return {
      summary: {
        comparable: true,
        version,
        manifestSha256: artifact.digest,
        precision,
        rows: judged.length,
        fp32: fp32.figures,
        int8: int8.figures,
      },
      worst: { fp32: fp32.worst, int8: int8.worst },
    }
  } catch (error) {
    // Stopped from outside, which is the whole evaluation's end.
    signal?.throwIfAborted()
    log.warn({ err: error, version }, 'the stable version cannot be compared with')
    const { result } = failureOf(error)
    return incomparable(
      result.result === 'Failed' ? result.reason : 'InternalError',
      error instanceof Error ? error.message : String(error),
    )
  }
}
