/** How far two precisions of one model are apart. */
import { largestDifference } from '../inference/golden-check.ts'
import { argmax } from '../inference/softmax.ts'
import { scoreChanges, type Answer, type Judged } from './score-changes.ts'

export interface Disagreement {
  id: string | number
  text: string
  fp32: Answer
  int8: Answer
  /** Largest difference of a probability. */
  difference: number
}

const WORST = 10

/** `fp32` and `int8` are the same texts in the same order. */
export function agreement(
  fp32: readonly Judged[],
  int8: readonly Judged[],
  labels: readonly string[],
): { labelAgreement: number; maxLogitDifference: number; maxScoreDifference: number; worst: Disagreement[] } {
  let same = 0
  let maxLogitDifference = 0
  fp32.forEach(({ logits }, index) => {
    const own = int8[index]?.logits ?? []
    if (argmax(logits) === argmax(own)) same++
    maxLogitDifference = Math.max(maxLogitDifference, largestDifference(logits, own))
  })
  const { maxScoreDifference, changes } = scoreChanges(fp32, int8, labels)
  const worst = changes.slice(0, WORST).map(({ from, to, ...change }) => ({ ...change, fp32: from, int8: to }))
  return { labelAgreement: same / fp32.length, maxLogitDifference, maxScoreDifference, worst }
}
