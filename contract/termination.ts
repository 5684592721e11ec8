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

const count = z.int().nonnegative()

/** Between the candidate in one precision and the stable version in the one it serves, over `rows` texts. */
const labelChanges = z.object({
  disagreements: count,
  /** Disagreements where the candidate's label stands after stable's in the order of the labels, and before it (as in evidence.ts). */
  negToPos: count,
  posToNeg: count,
  /** Mean total variation distance of the two answers, each 0 to 1. */
  meanDistance: ratio,
  /** Labels that stable had right and the candidate has wrong, and the other way round. Absent for texts without a true label. */
  rightToWrong: count.optional(),
  wrongToRight: count.optional(),
})
export type LabelChanges = z.infer<typeof labelChanges>

const versionName = z.string().max(63)

/** `LabelsDiffer`, or why the stable version could not be measured. */
const INCOMPARABLE_REASONS = ['LabelsDiffer', ...FAILURE_REASONS] as const

/** The candidate against the version that was stable when the evaluation began: what a canary may expect to see. */
export const evaluationAgainst = z.discriminatedUnion('comparable', [
  z.object({
    comparable: z.literal(true),
    version: versionName,
    manifestSha256: digest,
    /** That stable was judged in: the one that it serves. */
    precision: z.enum(['fp32', 'int8']),
    /** Texts that both judged: the candidate's evaluation rows or, without them, its parity texts. */
    rows: count,
    /** By precision of the candidate. */
    fp32: labelChanges,
    int8: labelChanges,
  }),
  z.object({
    comparable: z.literal(false),
    version: versionName,
    reason: z.enum(INCOMPARABLE_REASONS),
    message: z.string().max(256),
  }),
])
export type EvaluationAgainst = z.infer<typeof evaluationAgainst>

/** At most so many texts, each of at most so many bytes of UTF-8, so that they fit into a termination message. */
export const GOLDEN_TEXTS = { count: 8, bytes: 160 } as const

const goldenText = z.object({ text: z.string().min(1).max(GOLDEN_TEXTS.bytes), label: z.string() })
export type GoldenText = z.infer<typeof goldenText>

/** Alone against batched, over texts that shared a run with others. Absent: an evaluator before it was measured, or a single text. */
const batched = z.object({
  texts: z.int().positive(),
  /** Largest difference of a probability between the answer to a text alone and in a run with others. */
  fp32: z.object({ maxScoreChange: ratio }),
  int8: z.object({ maxScoreChange: ratio }),
})

/** CPU time of a run of one text on the evaluator's CPU. Absent: an evaluator before it was measured, or it could not be. */
const cost = z.object({
  /** Length of the text: the mean of the evaluation rows or, without them, of the parity texts. */
  tokens: z.int().positive(),
  fp32Milliseconds: z.number().nonnegative(),
  int8Milliseconds: z.number().nonnegative(),
  /** Of the instruction sets that int8 depends on, as /proc/cpuinfo names them. Absent: not known. */
  cpuFlags: z.array(z.string().max(16)).max(16).optional(),
})

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
  int8Agreement: z.object({
    labelAgreement: ratio,
    maxLogitDifference: z.number().nonnegative(),
    /** Largest difference of a probability. Absent: an evaluator before it was measured. */
    maxScoreDifference: ratio.optional(),
  }),
  batched: batched.optional(),
  cost: cost.optional(),
  /** Absent: there was no stable version to compare with. */
  against: evaluationAgainst.optional(),
  /** Texts with PyTorch's label, which fp32 and int8 gave too: a serving pod has to answer them so. Fewer where the message has no room. */
  golden: z.array(goldenText).max(GOLDEN_TEXTS.count).optional(),
})
export type EvaluationSummary = z.infer<typeof evaluationSummary>

export const evaluatorResult = z.discriminatedUnion('result', [
  z.object({ result: z.literal('Succeeded'), report: z.string(), summary: evaluationSummary }),
  failed,
])
export type EvaluatorResult = z.infer<typeof evaluatorResult>
