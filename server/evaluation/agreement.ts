/** How far two precisions of one model are apart. */
import { largestDifference } from '../inference/golden-check.ts'
import { argmax, softmax } from '../inference/softmax.ts'

export interface Judged {
  id: string | number
  text: string
  logits: ArrayLike<number>
}

export interface Disagreement {
  id: string | number
  text: string
  fp32: { label: string; probabilities: number[] }
  int8: { label: string; probabilities: number[] }
  /** Largest difference of a probability. */
  difference: number
}

const WORST = 10
const TEXT_CHARACTERS = 200

/** `fp32` and `int8` are the same texts in the same order. */
export function agreement(
  fp32: readonly Judged[],
  int8: readonly Judged[],
  labels: readonly string[],
): { labelAgreement: number; maxLogitDifference: number; worst: Disagreement[] } {
  let same = 0
  let maxLogitDifference = 0
  const compared: Disagreement[] = fp32.map((full, index) => {
    const own = int8[index]?.logits ?? []
    if (argmax(full.logits) === argmax(own)) same++
    maxLogitDifference = Math.max(maxLogitDifference, largestDifference(full.logits, own))
    const describe = (logits: ArrayLike<number>) => ({
      label: labels[argmax(logits)] ?? '',
      probabilities: softmax(logits),
    })
    const sides = { fp32: describe(full.logits), int8: describe(own) }
    const difference = largestDifference(sides.fp32.probabilities, sides.int8.probabilities)
    return { id: full.id, text: full.text.slice(0, TEXT_CHARACTERS).toWellFormed(), ...sides, difference }
  })
  const worst = compared.sort((a, b) => b.difference - a.difference).slice(0, WORST)
  return { labelAgreement: same / fp32.length, maxLogitDifference, worst }
}
