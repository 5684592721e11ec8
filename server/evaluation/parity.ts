/** Whether tokenizer and engine give what PyTorch gave. */
import type { ParityRow } from '../artifact/rows.ts'
import { largestDifference } from '../inference/golden-check.ts'
import { argmax } from '../inference/softmax.ts'
import type { Tokenizer } from '../inference/tokenizer.ts'

export interface Parity {
  texts: number
  tokenMismatches: number
  maxLogitDifference: number
  labelAgreement: number
  /** The first texts whose token ids differ. */
  mismatches: { line: number; text: string; expected: number[]; found: number[] }[]
}

const SHOWN = 10

/** `logits` are the fp32 model's, through the tokenizer under test. */
export function parity(rows: readonly ParityRow[], tokenizer: Tokenizer, logits: readonly ArrayLike<number>[]): Parity {
  const mismatches: Parity['mismatches'] = []
  let same = 0
  let maxLogitDifference = 0
  rows.forEach((row, index) => {
    const found = [...tokenizer.encode(row.text).inputIds]
    if (found.join() !== row.ids.join()) {
      mismatches.push({ line: index + 1, text: row.text.slice(0, 200).toWellFormed(), expected: row.ids, found })
    }
    const own = logits[index] ?? []
    maxLogitDifference = Math.max(maxLogitDifference, largestDifference(row.logits, own))
    if (argmax(row.logits) === argmax(own)) same++
  })
  return {
    texts: rows.length,
    tokenMismatches: mismatches.length,
    maxLogitDifference,
    labelAgreement: same / rows.length,
    mismatches: mismatches.slice(0, SHOWN),
  }
}
