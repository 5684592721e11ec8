/** Open Inference Protocol v2, REST: https://github.com/kserve/open-inference-protocol */
import { z } from 'zod'

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

/** Of a pod with another release, which may say more. */
const inferAnswer = z.object({ outputs: z.array(z.object(output.shape)) })
type InferAnswer = z.infer<typeof inferAnswer>

/** Undefined where it is no answer to that many texts with just these outputs, each as long as its shape says. */
export function inferResponseOf(
  body: unknown,
  expected: { count: number; outputs: readonly OutputName[] },
): InferAnswer | undefined {
  const { success, data: answer } = inferAnswer.safeParse(body)
  if (!success || answer.outputs.length !== expected.outputs.length) return undefined
  const isComplete = expected.outputs.every((name) => {
    const found = answer.outputs.find((entry) => entry.name === name)
    const [count, width = 1] = found?.shape ?? []
    return found !== undefined && count === expected.count && found.data.length === count * width
  })
  return isComplete ? answer : undefined
}

export function inferPath(model: string, version?: string): string {
  const address = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`
  return `/v2/models/${encodeURIComponent(model)}${address}/infer`
}

export const INPUT_NAME = 'text'
/** Datatype of each output; the shape is [n] but for the last two, which are [n, labels]. */
export const OUTPUTS = { sentiment: 'BYTES', score: 'FP32', probabilities: 'FP32', logits: 'FP32' } as const
export type OutputName = keyof typeof OUTPUTS
