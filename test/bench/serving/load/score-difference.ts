import type { Answer } from './dialect.ts'

/**
 * How far an answer's probability is from PyTorch's. Both name the better label only: where they differ, the probability that one of
 * them gives the other's label is at most what is left. `{positive, 0.6}` against `{negative, 0.7}`: 0.6 against 0.3.
 */
export function scoreDifference(answer: Answer, expected: Answer): number {
  return Math.abs(answer.score - (answer.label === expected.label ? expected.score : 1 - expected.score))
}
