import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { Prediction } from '../inference/predictor.ts'
import type { Alias } from '../routing/who-answers.ts'
import { errorBody } from '../schemas/error.ts'
import {
  checkText,
  checkTexts,
  predictAnswerIn,
  predictBatchAnswerIn,
  predictBatchRequest,
  predictBatchResponse,
  predictRequest,
  predictResponse,
  type PredictResponse,
} from '../schemas/predict.ts'
import type { ServerContext } from '../server-context.ts'
import { answerQuestion, type Answering } from './answer-question.ts'

const tags = ['predict']
const failures = { '4xx': errorBody, '5xx': errorBody }

export const predictRoutes: FastifyPluginCallbackZod<{ context: ServerContext }> = (app, { context }, done) => {
  const { config } = context

  function predictOne(
    request: FastifyRequest<{ Body: { text: string } }>,
    reply: FastifyReply,
    alias?: Alias,
  ): Promise<PredictResponse> {
    const { text } = request.body
    checkText(text, 'text', config)
    const question = {
      texts: [text],
      field: () => 'text',
      // Also of an alias: whom it means was decided here.
      path: '/predict',
      body: { text },
      toBody([prediction]: Prediction[]) {
        if (prediction === undefined) throw new Error('the predictor gave no prediction')
        return toResponse(prediction)
      },
      answerIn: (body: unknown, { labels }: Answering) => predictAnswerIn(body, text, labels),
      ...(alias === undefined ? {} : { target: { alias } }),
    }
    return answerQuestion(context, question, request, reply)
  }

  app.post(
    '/predict',
    {
      config: { endpoint: 'predict' },
      schema: {
        tags,
        summary: 'The sentiment of a text',
        body: predictRequest,
        response: { 200: predictResponse, ...failures },
      },
    },
    (request, reply) => predictOne(request, reply),
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
        response: { 200: predictBatchResponse, ...failures },
      },
    },
    (request, reply) => {
      const { texts } = request.body
      checkTexts(texts, 'texts', config)
      const question = {
        texts,
        field: (index: number) => `texts[${index}]`,
        path: '/predict/batch',
        body: { texts },
        toBody: (predictions: Prediction[]) => ({ predictions: predictions.map(toResponse) }),
        answerIn: (body: unknown, { labels }: Answering) => predictBatchAnswerIn(body, texts, labels),
      }
      return answerQuestion(context, question, request, reply)
    },
  )

  function addAlias(alias: Alias, summary: string): void {
    app.post(
      `/predict/${alias}`,
      {
        config: { endpoint: alias },
        schema: { tags, summary, body: predictRequest, response: { 200: predictResponse, ...failures } },
      },
      (request, reply) => predictOne(request, reply, alias),
    )
  }
  addAlias('trained', 'The sentiment of a text by the stable trained version')
  addAlias('naive', 'The sentiment of a text by the declared baseline')
  done()
}

function toResponse(prediction: Prediction): PredictResponse {
  return { text: prediction.text, sentiment: prediction.label, score: prediction.score }
}
