/** What another version of the model answers otherwise, by direction. */
import type { LabelChanges } from '../../contract/termination.ts'
import { argmax, softmax } from '../inference/softmax.ts'
import { totalVariation } from '../inference/total-variation.ts'
import type { Judged } from './score-changes.ts'

export interface LabelChange {
  id: string | number
  text: string
  /** The label of the evaluation row; absent for a parity text. */
  truth?: string
  stable: { label: string; probabilities: number[] }
  candidate: { label: string; probabilities: number[] }
  /** Total variation distance of the two. */
  distance: number
}

export interface WorstChanges {
  negToPos: LabelChange[]
  posToNeg: LabelChange[]
}

const WORST = 10
const TEXT_CHARACTERS = 200

/**
 * `stable` and `candidate` are the same texts in the same order, `truth` the index of each one's label where the labels are known.
 * With labels [negative, positive]: stable negative and candidate positive is negToPos; where the truth is negative it is also rightToWrong.
 */
export function labelChanges(
  stable: readonly Judged[],
  candidate: readonly Judged[],
  labels: readonly string[],
  truth?: readonly number[],
): { figures: LabelChanges; worst: WorstChanges } {
  if (stable.length === 0 || stable.length !== candidate.length) {
    throw new RangeError(`${stable.length} answers against ${candidate.length}`)
  }
  let distances = 0
  let rightToWrong = 0
  let wrongToRight = 0
  const changes: Record<keyof WorstChanges, LabelChange[]> = { negToPos: [], posToNeg: [] }
  stable.forEach((before, index) => {
    const after = candidate[index]?.logits ?? []
    const [from, to] = [argmax(before.logits), argmax(after)]
    const [old, own] = [softmax(before.logits), softmax(after)]
    const distance = totalVariation(old, own)
    distances += distance
    if (from === to) return
    const known = truth?.[index]
    if (known === from) rightToWrong++
    if (known === to) wrongToRight++
    changes[to > from ? 'negToPos' : 'posToNeg'].push({
      id: before.id,
      text: before.text.slice(0, TEXT_CHARACTERS).toWellFormed(),
      ...(known !== undefined && { truth: labels[known] ?? '' }),
      stable: { label: labels[from] ?? '', probabilities: old },
      candidate: { label: labels[to] ?? '', probabilities: own },
      distance,
    })
  })
  const worst = (list: LabelChange[]) => list.sort((a, b) => b.distance - a.distance).slice(0, WORST)
  const [negToPos, posToNeg] = [changes.negToPos.length, changes.posToNeg.length]
  return {
    figures: {
      disagreements: negToPos + posToNeg,
      negToPos,
      posToNeg,
      meanDistance: Math.min(1, distances / stable.length),
      ...(truth && { rightToWrong, wrongToRight }),
    },
    worst: { negToPos: worst(changes.negToPos), posToNeg: worst(changes.posToNeg) },
  }
}
