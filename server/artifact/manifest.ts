/**
 * manifest.json of an artifact directory (docs/design/artifact.md). The trainer validates what it writes against the JSON
 * Schema generated from here; the server refuses an artifact that does not match.
 */
import { z } from 'zod'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256:<64 hexadecimal digits>')

export const REQUIRED_FILES = [
  'model.fp32.onnx',
  'model.int8.onnx',
  'tokenizer.json',
  'tokenizer_config.json',
  'config.json',
  'special_tokens_map.json',
  'parity.jsonl',
] as const

export const manifest = z.strictObject({
  schemaVersion: z.literal(1),
  version: z.string().min(1),
  labels: z.array(z.string().min(1)).min(2),
  /** Tokens, special tokens included; longer texts are truncated to it. */
  maxLength: z.int().min(8),
  /** File name relative to the directory, `/` as separator -> digest. manifest.json itself is not in it. */
  files: z.record(z.string(), z.strictObject({ sha256, bytes: z.int().nonnegative() })),
  /** The trainer's spec, as it was given. */
  inputs: z.record(z.string(), z.unknown()),
  dataset: z
    .strictObject({
      uri: z.string(),
      revision: z.string().optional(),
      digest,
      rows: z.strictObject({ train: z.int().nonnegative(), evaluation: z.int().nonnegative() }),
    })
    .optional(),
  base: z.strictObject({ uri: z.string(), revision: z.string().optional(), digest }),
  trainer: z.strictObject({
    version: z.string(),
    image: z.string().optional(),
    torch: z.string(),
    transformers: z.string(),
    onnxruntime: z.string(),
    /** cpu | cuda:<name> */
    device: z.string(),
    threads: z.int().positive(),
    attention: z.string(),
    /** fp32 | bf16 */
    precision: z.string(),
  }),
  metrics: z.strictObject({
    accuracy: z.number().min(0).max(1).optional(),
    macroF1: z.number().min(0).max(1).optional(),
    loss: z.number().nonnegative().optional(),
    trainRows: z.int().nonnegative().optional(),
    evaluationRows: z.int().nonnegative().optional(),
    seconds: z.number().nonnegative().optional(),
    samplesPerSecond: z.number().nonnegative().optional(),
  }),
  /** Ten sentences with what PyTorch answered. */
  samples: z.array(
    z.strictObject({
      text: z.string(),
      label: z.string().optional(),
      predicted: z.string(),
      score: z.number().min(0).max(1),
    }),
  ),
  /** Histogram of the positive class's (last label's) probability on the evaluation rows, ten equal bins from 0 to 1: what drift is measured against. */
  baselineDistribution: z.strictObject({ bins: z.array(z.int().nonnegative()).length(10) }).optional(),
})
export type Manifest = z.infer<typeof manifest>
