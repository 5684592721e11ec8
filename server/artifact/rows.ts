/** The rows of the two .jsonl files of an artifact: one JSON object a line, UTF-8, `\n` between lines. The trainer writes them. */
import { z } from 'zod'

export const PARITY_FILE = 'parity.jsonl'
export const EVALUATION_FILE = 'evaluation.jsonl'

/** What PyTorch gave for a text: the evaluator has to reproduce it, and a serving pod does so before it is ready. */
export const parityRow = z.strictObject({
  text: z.string(),
  /** Token ids, special tokens included, truncated to the manifest's maxLength, no padding. */
  ids: z.array(z.int().nonnegative()).min(1),
  /** fp32 logits of PyTorch, one for each label in the manifest's order. */
  logits: z.array(z.number()).min(2),
})
export type ParityRow = z.infer<typeof parityRow>

/** A held-out row. */
export const evaluationRow = z.strictObject({
  /** Where the row came from, as the report names it: a number or a name. */
  id: z.union([z.string(), z.int()]),
  text: z.string().min(1),
  /** A name out of the manifest's labels. */
  label: z.string(),
})
export type EvaluationRow = z.infer<typeof evaluationRow>
