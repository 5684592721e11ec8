/** evaluation-<attempt>.json: everything that was measured; the termination message carries only its summary. */
import { z } from 'zod'
import { evaluationSummary } from '../../contract/termination.ts'

const ratio = z.number().min(0).max(1)

const quality = z.strictObject({
  rows: z.int().positive(),
  accuracy: ratio,
  macroF1: ratio,
  confusion: z
    .array(z.array(z.int().nonnegative()))
    .describe('confusion[truth][predicted], in the order of the labels'),
  perLabel: z.array(
    z.strictObject({ label: z.string(), precision: ratio, recall: ratio, f1: ratio, support: z.int().nonnegative() }),
  ),
})

const side = z.strictObject({ label: z.string(), probabilities: z.array(ratio) })

const batchChange = z.strictObject({
  id: z.union([z.string(), z.int()]),
  text: z.string(),
  alone: side,
  batched: side,
  difference: ratio.describe('Largest difference of a probability'),
})

const labelChange = z.strictObject({
  id: z.union([z.string(), z.int()]),
  text: z.string(),
  truth: z.string().optional().describe('Label of the evaluation row'),
  stable: side,
  candidate: side,
  distance: ratio.describe('Total variation distance'),
})
const worstLabelChanges = z.strictObject({ negToPos: z.array(labelChange), posToNeg: z.array(labelChange) })

export const evaluationReport = z.strictObject({
  schemaVersion: z.literal(1),
  version: z.string(),
  attempt: z.int().positive(),
  finishedAt: z.iso.datetime(),
  summary: evaluationSummary,
  labels: z.array(z.string()),
  tokenMismatches: z
    .array(
      z.strictObject({
        line: z.int().positive().describe('Line of parity.jsonl'),
        text: z.string(),
        expected: z.array(z.int()),
        found: z.array(z.int()),
      }),
    )
    .describe('The first of them'),
  quality: z.strictObject({ fp32: quality.optional(), int8: quality.optional() }),
  worstDisagreements: z
    .array(
      z.strictObject({
        id: z.union([z.string(), z.int()]),
        text: z.string(),
        fp32: side,
        int8: side,
        difference: ratio.describe('Largest difference of a probability'),
      }),
    )
    .describe('fp32 against int8, on the rows that int8Agreement is measured on'),
  worstBatchChanges: z
    .strictObject({ fp32: z.array(batchChange), int8: z.array(batchChange) })
    .describe('Texts whose answer changes most with the texts that share their run'),
  worstLabelChanges: z
    .strictObject({ fp32: worstLabelChanges, int8: worstLabelChanges })
    .optional()
    .describe('Against the stable version, by precision of this one; only texts whose label has changed'),
  truncatedRows: z.int().nonnegative(),
  environment: z.strictObject({
    cpu: z.string(),
    /** Of the instruction sets that int8 speed and rounding depend on. */
    cpuFlags: z.array(z.string()),
    workers: z.int().positive(),
    node: z.string(),
    onnxruntime: z.string(),
    tokenizers: z.string(),
  }),
  /** Wall seconds. */
  seconds: z.strictObject({
    verify: z.number(),
    fp32: z.number(),
    int8: z.number(),
    /** Both precisions in company. */
    batched: z.number(),
    /** The stable version's answers. */
    against: z.number().optional(),
    total: z.number(),
  }),
})
export type EvaluationReport = z.infer<typeof evaluationReport>
