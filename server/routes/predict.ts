import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { Prediction } from '../inference/predictor.ts'
import { requestWait } from '../plugins/request-wait.ts'
import { RequestError } from '../request-error.ts'
import { resolveAlias, type Alias } from '../routing/alias.ts'
import { errorBody } from '../schemas/error.ts'
import {
  checkText,
  checkTexts,
  predictBatchRequest,
  predictBatchResponse,
  predictRequest,
  predictResponse,
  type PredictResponse,
} from '../schemas/predict.ts'
import type { ServerContext } from '../server-context.ts'
import { judgeTexts, type FieldOf } from './judge-texts.ts'

const tags = ['predict']

export const predictRoutes: FastifyPluginCallbackZod<{ context: ServerContext }> = (app, { context }, done) => {
  const { config } = context

  async function predict(
    texts: string[],
    field: FieldOf,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<PredictResponse[]> {
    return (await judgeTexts(context, texts, field, request, reply)).map(toResponse)
  }

  async function predictOne(text: string, request: FastifyRequest, reply: FastifyReply): Promise<PredictResponse> {
    const [prediction] = await predict([text], () => 'text', request, reply)
    if (prediction === undefined) throw new Error('the predictor gave no prediction')
    return prediction
  }

  app.post(
    '/predict',
    {
      config: { endpoint: 'predict' },
      schema: {
        tags,
        summary: 'The sentiment of a text',
        body: predictRequest,
        response: { 200: predictResponse, '4xx': errorBody, '5xx': errorBody },
      },
    },
    (request, reply) => {
      checkText(request.body.text, 'text', config)
      return predictOne(request.body.text, request, reply)
    },
  )

  app.post(
    '/predict/batch',
    {
      config: { endpoint: 'batch' },
      schema: {
        tags,
        summary: 'The sentiments of several texts',
        description: `At most ${config.maxBatchTexts} texts.`,
        body: predictBatchRequest,
        response: { 200: predictBatchResponse, '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request, reply) => {
      checkTexts(request.body.texts, 'texts', config)
      return { predictions: await predict(request.body.texts, (index) => `texts[${index}]`, request, reply) }
    },
  )

  function addAlias(alias: Alias, summary: string): void {
    app.post(
      `/predict/${alias}`,
      {
        config: { endpoint: alias },
        schema: {
          tags,
          summary,
          body: predictRequest,
          response: { 200: predictResponse, '4xx': errorBody, '5xx': errorBody },
        },
      },
      async (request, reply) => {
        checkText(request.body.text, 'text', config)
        // It is forwarded to /predict, which never forwards: pods with different routing files make no circle.
        const destination = resolveAlias(alias, context.routing(), context.version)
        switch (destination.kind) {
          case 'own':
            return predictOne(request.body.text, request, reply)
          case 'undeclared':
            throw new RequestError(
              'BaselineNotDeclared',
              'this model declares no baseline: set spec.baseline to have one',
            )
          case 'unknown':
            throw new RequestError(
              'RoutingUnknown',
              'the routing file of this pod was not readable yet, so the version is not known: try again, or see the log',
            )
          case 'unreachable':
            throw new RequestError('VersionUnreachable', `no endpoint is known of version ${destination.version}`)
          case 'other': {
            const answer = await context.forwarder.forward({
              version: destination.version,
              url: destination.url,
              body: JSON.stringify(request.body),
              requestId: request.id,
              wait: requestWait(request, reply, config.defaultTimeoutMs),
            })
            reply.code(answer.status).headers(answer.headers).serializer(String)
            return answer.body.toString('utf8') as unknown as PredictResponse
          }
        }
      },
    )
  }
  addAlias('trained', 'The sentiment of a text by the stable trained version')
  addAlias('naive', 'The sentiment of a text by the declared baseline')
  done()
}

function toResponse(prediction: Prediction): PredictResponse {
  return { text: prediction.text, sentiment: prediction.label, score: prediction.score }
}
