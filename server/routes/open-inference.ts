/** Open Inference Protocol v2, REST: health, metadata and inference on texts (BYTES). */
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import packageJson from '../../package.json' with { type: 'json' }
import type { Prediction } from '../inference/predictor.ts'
import { RequestError } from '../request-error.ts'
import { openInferenceError } from '../schemas/error.ts'
import {
  ALL_OUTPUTS,
  INPUT_NAME,
  OUTPUTS,
  inferAnswerIn,
  inferBody,
  inferPath,
  inferRequest,
  inferResponse,
  modelMetadata,
  modelReady,
  serverLive,
  serverMetadata,
  serverReady,
  type InferOutput,
  type InferRequest,
  type OutputName,
} from '../schemas/open-inference.ts'
import { checkTexts } from '../schemas/predict.ts'
import type { ServerContext } from '../server-context.ts'
import { answerQuestion, type Answering } from './answer-question.ts'

const tags = ['open inference protocol v2']
const failures = { '4xx': openInferenceError, '5xx': openInferenceError }
const modelParams = z.object({ model: z.string() })
const versionParams = modelParams.extend({ version: z.string() })

export const openInferenceRoutes: FastifyPluginCallbackZod<{ context: ServerContext }> = (app, { context }, done) => {
  const { config, lifecycle, predictor } = context
  const isReady = (): boolean => lifecycle.notReadyReason() === undefined

  function checkModel(params: { model: string }): void {
    if (params.model !== config.modelName) {
      throw new RequestError('ModelNotFound', `no model "${params.model}" here; this server has ${config.modelName}`)
    }
  }

  /** Of what a pod says about itself. */
  function checkAddress(params: { model: string; version?: string }): void {
    checkModel(params)
    if (params.version !== undefined && params.version !== context.version) {
      const message = `no version "${params.version}" of ${config.modelName} here; this pod serves ${context.version}`
      throw new RequestError('VersionNotFound', message)
    }
  }

  app.get('/v2', { schema: { tags, summary: 'Server metadata', response: { 200: serverMetadata } } }, () => ({
    name: packageJson.name,
    version: packageJson.version,
    extensions: [],
  }))
  app.get('/v2/health/live', { schema: { tags, summary: 'Server live', response: { 200: serverLive } } }, () => ({
    live: true,
  }))
  app.get(
    '/v2/health/ready',
    { schema: { tags, summary: 'Server ready', response: { 200: serverReady, 503: serverReady } } },
    (_request, reply) => {
      reply.code(isReady() ? 200 : 503)
      return { live: true, ready: isReady() }
    },
  )

  const addModelRoutes = (prefix: string, params: typeof modelParams | typeof versionParams): void => {
    app.get(
      prefix,
      { schema: { tags, summary: 'Model metadata', params, response: { 200: modelMetadata, ...failures } } },
      (request) => {
        checkAddress(request.params)
        const labels = predictor.labels.length
        return {
          name: config.modelName,
          versions: [context.version],
          platform: 'onnxruntime_onnx',
          inputs: [{ name: INPUT_NAME, datatype: 'BYTES', shape: [-1] }],
          outputs: Object.entries(OUTPUTS).map(([name, datatype]) => ({
            name,
            datatype,
            shape: name === 'logits' || name === 'probabilities' ? [-1, labels] : [-1],
          })),
        }
      },
    )
    app.get(
      `${prefix}/ready`,
      { schema: { tags, summary: 'Model ready', params, response: { 200: modelReady, 503: modelReady, ...failures } } },
      (request, reply) => {
        checkAddress(request.params)
        reply.code(isReady() ? 200 : 503)
        return { name: config.modelName, ready: isReady() }
      },
    )
    app.post(
      `${prefix}/infer`,
      {
        config: { endpoint: 'v2' },
        schema: {
          tags,
          summary: 'Inference',
          params,
          body: inferRequest,
          response: { 200: inferResponse, ...failures },
        },
      },
      (request, reply) => {
        const { version } = request.params as { version?: string }
        checkModel(request.params)
        const texts = textsOf(request.body)
        checkTexts(texts, INPUT_NAME, config)
        const asked = { id: request.body.id, texts, outputs: outputNames(request.body) }
        const names = asked.outputs ?? ALL_OUTPUTS
        const question = {
          texts,
          field: (index: number) => `${INPUT_NAME}[${index}]`,
          path: inferPath(config.modelName, version),
          body: inferBody(asked),
          toBody: (predictions: Prediction[]) => ({
            model_name: config.modelName,
            model_version: context.version,
            ...(request.body.id === undefined ? {} : { id: request.body.id }),
            outputs: names.map((name) => output(name, predictions, predictor.labels.length)),
          }),
          answerIn: (body: unknown, answering: Answering) =>
            inferAnswerIn(body, asked, { model: config.modelName, ...answering }),
          ...(version === undefined ? {} : { target: { version } }),
        }
        return answerQuestion(context, question, request, reply)
      },
    )
  }
  addModelRoutes('/v2/models/:model', modelParams)
  addModelRoutes('/v2/models/:model/versions/:version', versionParams)
  done()
}

/** @throws RequestError where the input is not one BYTES tensor `text` of shape [n] or [n, 1] */
function textsOf(body: InferRequest): string[] {
  const [input] = body.inputs
  if (body.inputs.length !== 1 || input?.name !== INPUT_NAME) {
    const found = body.inputs.map(({ name }) => name).join(', ')
    throw new RequestError('InvalidBody', `inputs must be the one tensor "${INPUT_NAME}", found: ${found || 'none'}`)
  }
  if (input.datatype !== 'BYTES') {
    throw new RequestError('InvalidBody', `inputs[0].datatype must be BYTES, found "${input.datatype}"`)
  }
  const [count, width, ...rest] = input.shape
  if (count === undefined || count < 1 || (width !== undefined && width !== 1) || rest.length > 0) {
    throw new RequestError('InvalidBody', `inputs[0].shape must be [n] or [n,1], found [${input.shape.join()}]`)
  }
  const texts = input.data.flat()
  if (texts.length !== count) {
    const message = `inputs[0].data has ${texts.length} texts, its shape [${input.shape.join()}] says ${count}`
    throw new RequestError('InvalidBody', message)
  }
  return texts
}

/** Undefined: the request names none. Each once, or a short request could ask for an answer of any length. */
function outputNames(body: InferRequest): OutputName[] | undefined {
  if (body.outputs === undefined || body.outputs.length === 0) return undefined
  const names = body.outputs.map(({ name }) => {
    const known = ALL_OUTPUTS.find((candidate) => candidate === name)
    if (known === undefined) {
      throw new RequestError('InvalidBody', `no output "${name}"; there are ${ALL_OUTPUTS.join(', ')}`)
    }
    return known
  })
  return [...new Set(names)]
}

function output(name: OutputName, predictions: Prediction[], labels: number): InferOutput {
  const tensor = (shape: number[], data: (string | number)[]): InferOutput => ({
    name,
    datatype: OUTPUTS[name],
    shape,
    data,
  })
  const count = predictions.length
  switch (name) {
    case 'sentiment':
      return tensor(
        [count],
        predictions.map(({ label }) => label),
      )
    case 'score':
      return tensor(
        [count],
        predictions.map(({ score }) => score),
      )
    case 'probabilities':
      return tensor(
        [count, labels],
        predictions.flatMap(({ probabilities }) => probabilities),
      )
    case 'logits':
      return tensor(
        [count, labels],
        predictions.flatMap(({ logits }) => [...logits]),
      )
  }
}
