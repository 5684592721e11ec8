/**
 * The golden inference of a serving pod: texts whose token ids and logits PyTorch recorded go through the tokenizer and the
 * engine that are about to serve. Equal digests say that the files are the right ones; this says that they work here, on
 * this CPU and with this runtime.
 */
import { ArtifactError } from '../artifact/artifact-error.ts'
import { PARITY_FILE, type ParityRow } from '../artifact/rows.ts'
import type { Engine, Wait } from './engine.ts'
import { evenly } from './evenly.ts'
import { argmax, softmax } from './softmax.ts'
import type { Tokenizer } from './tokenizer.ts'

export const GOLDEN_LIMITS = {
  texts: 16,
  /** Largest difference of an fp32 logit; runtimes and CPUs round differently by about 1e-5. */
  fp32LogitDifference: 1e-3,
  /** int8 moves logits, but hardly ever the label of a text of which PyTorch is this sure ... */
  confidentScore: 0.9,
  /** ... so that at most this share of them may have another label. A broken model gets half of them wrong. */
  int8ConfidentDisagreement: 0.1,
} as const

/** @throws ArtifactError GoldenMismatch */
export async function checkGolden(options: {
  rows: readonly ParityRow[]
  tokenizer: Tokenizer
  engine: Engine
  precision: 'fp32' | 'int8'
  wait: Wait
}): Promise<{ texts: number }> {
  const { tokenizer, engine, precision, wait } = options
  const rows = evenly(options.rows, GOLDEN_LIMITS.texts)
  const encoded = rows.map((row) => tokenizer.encode(row.text))
  encoded.forEach((item, index) => {
    if (item.inputIds.join() !== rows[index]?.ids.join()) {
      fail(`the tokenizer gives other token ids than were recorded for text ${index + 1}`)
    }
  })
  const logits: Float32Array[] = []
  // One at a time, so that a small queue has room.
  for (const item of encoded) logits.push(...(await engine.infer([item], wait)))

  if (precision === 'fp32') {
    const difference = Math.max(...rows.map((row, index) => largestDifference(row.logits, logits[index])))
    if (!(difference <= GOLDEN_LIMITS.fp32LogitDifference)) {
      fail(`logits differ by ${difference} from PyTorch's, at most ${GOLDEN_LIMITS.fp32LogitDifference} is rounding`)
    }
    return { texts: rows.length }
  }
  const confident = rows.flatMap((row, index) =>
    Math.max(...softmax(row.logits)) >= GOLDEN_LIMITS.confidentScore ? [{ row, own: logits[index] ?? [] }] : [],
  )
  const disagreeing = confident.filter(({ row, own }) => argmax(row.logits) !== argmax(own)).length
  if (disagreeing > confident.length * GOLDEN_LIMITS.int8ConfidentDisagreement) {
    fail(`int8 gives another label than PyTorch for ${disagreeing} of ${confident.length} texts it is sure of`)
  }
  return { texts: rows.length }
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number> | undefined): number {
  if (b?.length !== a.length) return Infinity
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? NaN))))
}

function fail(message: string): never {
  throw new ArtifactError('GoldenMismatch', PARITY_FILE, message)
}
