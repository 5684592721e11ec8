/** How far the answers to the same texts are apart when they are computed in two ways. */
import { largestDifference } from '../inference/golden-check.ts'
import { argmax, softmax } from '../inference/softmax.ts'

export interface Judged {
  id: string | number
  text: string
  logits: ArrayLike<number>
}

export interface Answer {
  label: string
  probabilities: number[]
}

export interface ScoreChange {
  id: string | number
  text: string
  from: Answer
  to: Answer
  /** Largest difference of a probability. */
  difference: number
}

const TEXT_CHARACTERS = 200

/** `from` and `to` are the same texts in the same order. The largest change first. */
export function scoreChanges(
  from: readonly Judged[],
  to: readonly Judged[],
  labels: readonly string[],
): { maxScoreDifference: number; changes: ScoreChange[] } {
  const answerOf = (logits: ArrayLike<number>): Answer => ({
    label: labels[argmax(logits)] ?? '',
    probabilities: softmax(logits),
  })
  const changes = from.map(({ id, text, logits }, index) => {
    const sides = { from: answerOf(logits), to: answerOf(to[index]?.logits ?? []) }
    const difference = largestDifference(sides.from.probabilities, sides.to.probabilities)
    return { id, text: text.slice(0, TEXT_CHARACTERS).toWellFormed(), ...sides, difference }
  })
  changes.sort((a, b) => b.difference - a.difference)
  return { maxScoreDifference: changes[0]?.difference ?? 0, changes }
}
