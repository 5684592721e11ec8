/** Open Inference Protocol v2, REST: https://github.com/kserve/open-inference-protocol */
import { z } from 'zod'
import type { KnownLabels } from './predict.ts'

const parameters = z.record(z.string(), z.unknown())
const tensorMetadata = z.strictObject({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })

export const serverMetadata = z.strictObject({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
})
export const serverLive = z.strictObject({ live: z.boolean() })
export const serverReady = z.strictObject({ live: z.boolean(), ready: z.boolean() })
export const modelReady = z.strictObject({ name: z.string(), ready: z.boolean() })
export const modelMetadata = z.strictObject({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
})

export const inferRequest = z
  .strictObject({
    id: z.string().optional(),
    parameters: parameters.optional(),
    inputs: z.array(
      z.strictObject({
        name: z.string(),
        shape: z.array(z.int().nonnegative()),
        datatype: z.string(),
        parameters: parameters.optional(),
        data: z.array(z.union([z.string(), z.array(z.string())])).describe('Texts, flat or nested as the shape says.'),
      }),
    ),
    outputs: z.array(z.strictObject({ name: z.string(), parameters: parameters.optional() })).optional(),
  })
  .meta({ examples: [{ inputs: [{ name: 'text', shape: [1], datatype: 'BYTES', data: ['Loved it.'] }] }] })
export type InferRequest = z.infer<typeof inferRequest>

const output = z.strictObject({
  name: z.string(),
  shape: z.array(z.int()),
  datatype: z.string(),
  data: z.array(z.union([z.string(), z.number()])),
})
export type InferOutput = z.infer<typeof output>

export const inferResponse = z.strictObject({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(output),
})
export type InferResponse = z.infer<typeof inferResponse>

/** What a pod is asked, and nothing else: never more bytes than the request that it was made of. */
export interface InferQuestion {
  id?: string | undefined
  texts: readonly string[]
  /** Undefined: all. */
  outputs: readonly OutputName[] | undefined
}

export function inferBody({ id, texts, outputs }: InferQuestion): InferRequest {
  return {
    ...(id === undefined ? {} : { id }),
    inputs: [{ name: INPUT_NAME, shape: [texts.length], datatype: 'BYTES', data: [...texts] }],
    ...(outputs === undefined ? {} : { outputs: outputs.map((name) => ({ name })) }),
  }
}

/** Without what a pod of another release says besides. */
const inferAnswer = z.object({ ...inferResponse.shape, outputs: z.array(z.object(output.shape)) })

/** The answer of that version to that question. Undefined where it is none. */
export function inferAnswerIn(
  body: unknown,
  question: InferQuestion,
  expected: { model: string; version: string; labels: KnownLabels },
): InferResponse | undefined {
  const { data: answer } = inferAnswer.safeParse(body)
  if (answer?.model_name !== expected.model || answer.model_version !== expected.version) return undefined
  const names = question.outputs ?? ALL_OUTPUTS
  if (answer.id !== question.id || answer.outputs.length !== names.length) return undefined
  const isComplete = names.every((name) => {
    const found = answer.outputs.find((entry) => entry.name === name)
    return found !== undefined && isTensor(found, name, question.texts.length, expected.labels)
  })
  return isComplete ? answer : undefined
}

function isTensor(
  { datatype, shape, data }: InferOutput,
  name: OutputName,
  texts: number,
  labels: KnownLabels,
): boolean {
  const [count, width = 1, ...rest] = shape
  if (datatype !== OUTPUTS[name] || count !== texts || data.length !== count * width || rest.length > 0) return false
  if (name === 'sentiment') return shape.length === 1 && data.every((label) => isLabel(label, labels))
  if (!data.every((value) => typeof value === 'number')) return false
  return name === 'score' ? shape.length === 1 : shape.length === 2 && width === (labels?.length ?? width)
}

const isLabel = (value: unknown, labels: KnownLabels): boolean =>
  typeof value === 'string' && (labels?.includes(value) ?? true)

export function inferPath(model: string, version?: string): string {
  const address = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`
  return `/v2/models/${encodeURIComponent(model)}${address}/infer`
}

export const INPUT_NAME = 'text'
/** Datatype of each output; the shape is [n] but for the last two, which are [n, labels]. */
export const OUTPUTS = { sentiment: 'BYTES', score: 'FP32', probabilities: 'FP32', logits: 'FP32' } as const
export type OutputName = keyof typeof OUTPUTS
export const ALL_OUTPUTS = Object.keys(OUTPUTS) as OutputName[]
