/**
 * The `--spec` argument of the trainer and the evaluator: JSON, or `@<file>` holding it.
 * The operator writes it; the trainer validates it against the JSON Schema generated from here.
 */
import { z } from 'zod'

export const datasetSpec = z.strictObject({
  /** hf://owner/name[/config] | pvc://claim/path | file:///path. A file, or a directory or repository with train and test files. */
  uri: z.string(),
  /** Commit of an hf:// repository. */
  revision: z.string().optional(),
  /** Expected sha256 over the resolved data files. */
  digest: z.string().optional(),
  split: z.string().default('train'),
  textColumn: z.string().default('text'),
  labelColumn: z.string().default('label'),
  /** Rows to draw after the shuffle; absent: all. */
  samples: z.int().positive().optional(),
  shuffleSeed: z.int().default(42),
})

export const sourceRef = z.strictObject({ uri: z.string(), revision: z.string().optional() })

export const hyperparameters = z.strictObject({
  epochs: z.int().positive().default(3),
  batchSize: z.int().positive().default(8),
  /** Decimal as a string, because a float does not survive every YAML tool: "2e-5". */
  learningRate: z.string().default('2e-5'),
  /** Of the classification head; absent: learningRate. */
  headLearningRate: z.string().optional(),
  weightDecay: z.string().default('0.01'),
  warmupRatio: z.string().default('0'),
  schedule: z.enum(['linear', 'constant']).default('linear'),
  /** Absent: as the base model's configuration has it. */
  dropout: z.string().optional(),
  maxGradNorm: z.string().default('1.0'),
  maxLength: z.int().min(8).default(512),
  seed: z.int().default(42),
  /** auto: bf16 on a GPU that has it, fp32 otherwise. */
  precision: z.enum(['auto', 'fp32', 'bf16']).default('auto'),
  freeze: z
    .strictObject({ embeddings: z.boolean().default(false), layers: z.int().nonnegative().default(0) })
    .prefault({}),
  /** Rows held out for evaluation where the data set has no test split. */
  holdoutRatio: z.string().default('0.1'),
})

export const trainerSpec = z.strictObject({
  schemaVersion: z.literal(1),
  /** The artifact is written to `<out>/<version>/`. */
  version: z.string(),
  labels: z.array(z.string()).min(2),
  source: z.union([
    z.strictObject({
      train: z.strictObject({
        baseModel: sourceRef,
        dataset: datasetSpec,
        hyperparameters: hyperparameters.prefault({}),
      }),
    }),
    z.strictObject({ import: sourceRef.extend({ maxLength: z.int().min(8).optional() }) }),
  ]),
  /** Rows that `train` writes to evaluation.jsonl instead of the data set's own test split; for `import` the only ones. */
  evaluation: datasetSpec.extend({ split: z.string().default('test') }).optional(),
  /** Recorded in the manifest. */
  image: z.string().optional(),
})
export type TrainerSpecInput = z.input<typeof trainerSpec>

export const evaluatorSpec = z.strictObject({
  schemaVersion: z.literal(1),
  version: z.string(),
  /** The `<n>` of evaluation-<n>.json. */
  attempt: z.int().positive(),
  /** The digest that the trainer reported; an artifact with another one is refused. */
  manifestSha256: z.string(),
  /** The version that is stable now; `--against` says where its artifact is. An artifact of another version or digest is not compared with. */
  against: z
    .strictObject({
      version: z.string().max(63),
      manifestSha256: z.string(),
      /** The weights that it serves. */
      precision: z.enum(['fp32', 'int8']),
    })
    .optional(),
})
export type EvaluatorSpec = z.infer<typeof evaluatorSpec>
