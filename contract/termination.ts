/** What a training or evaluation container leaves as its termination message, and the operator reads. */
import { z } from 'zod'

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const ratio = z.number().min(0).max(1)

/** Reasons of a failure; they reach the user as condition reasons. */
export const FAILURE_REASONS = [
  'SpecInvalid',
  'DataInvalid',
  'ModelInvalid',
  'ArtifactInvalid',
  'SourceUnavailable',
  'CredentialsRefused',
  'StorageFull',
  'OutOfMemory',
  'Interrupted',
  'InternalError',
] as const

export const failed = z.object({
  result: z.literal('Failed'),
  reason: z.enum(FAILURE_REASONS),
  message: z.string().max(2048),
})

export const trainingMetrics = z.object({
  /** PyTorch on the held-out rows; absent for an import without evaluation rows. */
  accuracy: ratio.optional(),
  macroF1: ratio.optional(),
  loss: z.number().nonnegative().optional(),
  trainRows: z.int().nonnegative().optional(),
  evaluationRows: z.int().nonnegative().optional(),
  /** Wall seconds of the training loop, and examples per second in it. */
  seconds: z.number().nonnegative().optional(),
  samplesPerSecond: z.number().nonnegative().optional(),
})

export const trainerResult = z.discriminatedUnion('result', [
  z.object({ result: z.literal('Succeeded'), manifestSha256: digest, metrics: trainingMetrics }),
  failed,
])
export type TrainerResult = z.infer<typeof trainerResult>

const quality = z.object({ accuracy: ratio, macroF1: ratio })

export const evaluationSummary = z.object({
  manifestSha256: digest,
  /** Against the token ids and logits that PyTorch wrote to parity.jsonl. */
  parity: z.object({
    texts: z.int().nonnegative(),
    tokenMismatches: z.int().nonnegative(),
    /** Largest absolute difference of a logit, fp32. */
    maxLogitDifference: z.number().nonnegative(),
    /** Share of texts with PyTorch's label, fp32. */
    labelAgreement: ratio,
  }),
  /** On evaluation.jsonl; absent where the artifact has none. */
  rows: z.int().nonnegative(),
  fp32: quality.optional(),
  int8: quality.optional(),
  /** int8 against fp32, on the evaluation rows or, without them, on the parity texts. */
  int8Agreement: z.object({ labelAgreement: ratio, maxLogitDifference: z.number().nonnegative() }),
})
export type EvaluationSummary = z.infer<typeof evaluationSummary>

export const evaluatorResult = z.discriminatedUnion('result', [
  z.object({ result: z.literal('Succeeded'), report: z.string(), summary: evaluationSummary }),
  failed,
])
export type EvaluatorResult = z.infer<typeof evaluatorResult>
