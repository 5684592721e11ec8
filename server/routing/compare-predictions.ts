/** How far two versions differ about one text. */
import { totalVariation } from '../inference/total-variation.ts'

export interface Judged {
  label: string
  /** In the order of the labels. */
  probabilities: readonly number[]
}

export interface Comparison {
  /** negToPos: the other's label stands after the own one in the order of the labels. */
  direction: 'same' | 'negToPos' | 'posToNeg'
  /** Total variation distance, 0 to 1. */
  distance: number
}

/** Undefined where the two do not speak of the same labels in the same order. */
export function comparePredictions(own: Judged, other: Judged, labels: readonly string[]): Comparison | undefined {
  const { probabilities } = other
  const winner = labels.indexOf(other.label)
  if (winner < 0 || probabilities.length !== labels.length) return undefined
  // Of labels in another order the highest probability stands in the place of another label.
  if (probabilities[winner] !== Math.max(...probabilities)) return undefined
  const step = winner - labels.indexOf(own.label)
  const direction = step === 0 ? 'same' : step > 0 ? 'negToPos' : 'posToNeg'
  return { direction, distance: totalVariation(own.probabilities, probabilities) }
}
