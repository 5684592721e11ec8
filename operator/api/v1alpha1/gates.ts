import { z } from 'zod'
import { field } from '../field.ts'
import { evaluationDataset } from './dataset.ts'

// JSON numbers, not strings: a bound between 0 and 1 with a few digits survives every YAML tool, can be compared in CEL and
// reads as in a report. (Strings are for what is often written with an exponent: learning rates.)
const ratio = () => z.number().min(0).max(1)

export const gates = field(
  z.strictObject({
    evaluation: field(
      z.strictObject({ dataset: evaluationDataset }),
      "Rows to measure on. Absent: the test split of the training data set or, where it has none, its held-out rows. Part of a version's identity.",
    ).optional(),
    minAccuracy: field(
      ratio(),
      'Least accuracy on the evaluation rows, 0 to 1, of the precision that will serve. Absent: not judged.',
    ).optional(),
    minMacroF1: field(
      ratio(),
      'Least macro-averaged F1 on the evaluation rows, 0 to 1, of the precision that will serve. Absent: not judged.',
    ).optional(),
    parity: field(
      z.strictObject({
        maxLogitDifference: field(
          z.number().min(0).max(100),
          'Largest absolute difference of a logit between the serving engine (fp32) and PyTorch.',
        ).default(0.001),
        minLabelAgreement: field(ratio(), "Least share of texts with PyTorch's label, 0 to 1.").default(0.995),
        maxBatchScoreChange: field(
          ratio(),
          "Most that the probability of a label may change with the texts that share a text's run, 0 to 1, where fp32 serves.",
        ).default(0.001),
      }),
      'The served model against the trained one: token ids must be equal, logits within these bounds, and answers independent of the batch.',
    ).prefault({}),
    int8: field(
      z.strictObject({
        minLabelAgreement: field(ratio(), 'Least share of texts where int8 gives the label of fp32, 0 to 1.').default(
          0.98,
        ),
        maxAccuracyDrop: field(
          ratio(),
          'Most accuracy that int8 may lose against fp32, 0 to 1 (0.005 is half a percentage point).',
        ).default(0.005),
        maxScoreChange: field(
          ratio(),
          'Most that the probability of a label may change from fp32 to int8, of any text, 0 to 1. Absent: not judged.',
        ).optional(),
        maxBatchScoreChange: field(
          ratio(),
          "Most that the probability of a label in int8 may change with the texts that share a text's run, 0 to 1.",
        ).default(0.001),
      }),
      "When int8 is good enough: serving.precision auto serves int8 within these bounds, if it was not slower on the evaluator's CPU, and fp32 otherwise; int8 demands the bounds.",
    ).prefault({}),
    mode: field(
      z.enum(['Enforce', 'Observe']),
      'Enforce: a version that misses a bound is Rejected and never serves. Observe: it is accepted, with the verdict on record.',
    ).default('Enforce'),
  }),
  'What a version must reach before it serves. One that was accepted is not judged again when a bound is raised; a rejected one is when a bound changes.',
)
export type Gates = z.infer<typeof gates>
