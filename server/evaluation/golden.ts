/** Texts whose answer is known: what a new version's pods are asked before any caller's request reaches them. */
import { GOLDEN_TEXTS, type GoldenText } from '../../contract/termination.ts'
import type { ParityRow } from '../artifact/rows.ts'
import { argmax, softmax } from '../inference/softmax.ts'
import { checkText } from '../schemas/predict.ts'

/** Of one parity text in one precision. */
export interface GoldenAnswer {
  logits: ArrayLike<number>
  isEmpty: boolean
}

/**
 * Short texts with PyTorch's label, taken from each label in turn, those first that PyTorch and every precision are surest of: a text
 * near the border between two labels would fail a good version on a CPU that rounds otherwise. For the same reason a text is
 * left out that some precision answers otherwise; how many those are is the parity's and the agreement's affair.
 */
export function goldenTexts(
  rows: readonly ParityRow[],
  answers: readonly (readonly GoldenAnswer[])[],
  labels: readonly string[],
): GoldenText[] {
  const byLabel = labels.map((): { text: string; certainty: number }[] => [])
  const seen = new Set<string>()
  rows.forEach(({ text, logits }, index) => {
    const own = answers.flatMap((precision) => precision[index] ?? [])
    const label = argmax(logits)
    if (seen.has(text) || !isSendable(text) || own.some((answer) => answer.isEmpty)) return
    if (own.length < answers.length || own.some((answer) => argmax(answer.logits) !== label)) return
    seen.add(text)
    const certainty = Math.min(
      ...[logits, ...own.map((answer) => answer.logits)].map((all) => softmax(all)[label] ?? 0),
    )
    byLabel[label]?.push({ text, certainty })
  })
  for (const texts of byLabel) texts.sort((a, b) => b.certainty - a.certainty)
  const inTurn = Array.from({ length: GOLDEN_TEXTS.count }, (_, turn) =>
    byLabel.flatMap((texts, label) =>
      texts.slice(turn, turn + 1).map(({ text }) => ({ text, label: labels[label] ?? '' })),
    ),
  )
  return inTurn.flat().slice(0, GOLDEN_TEXTS.count)
}

/** What a serving pod refuses can't be asked: blank texts, control characters, lone surrogates. */
function isSendable(text: string): boolean {
  if (Buffer.byteLength(text) > GOLDEN_TEXTS.bytes) return false
  try {
    checkText(text, 'text', { maxTextCharacters: GOLDEN_TEXTS.bytes, maxBatchTexts: 1 })
    return true
  } catch {
    return false
  }
}
