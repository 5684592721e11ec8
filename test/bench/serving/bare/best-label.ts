import type { Answer } from '../load/dialect.ts'

/** The label with the highest logit, and its probability. */
export function bestLabel(logits: readonly number[], labels: readonly string[]): Answer {
  const highest = Math.max(...logits)
  const sum = logits.reduce((all, logit) => all + Math.exp(logit - highest), 0)
  return { label: labels[logits.indexOf(highest)] ?? '', score: 1 / sum }
}
