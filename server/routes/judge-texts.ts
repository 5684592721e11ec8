/** What every endpoint does with its checked texts: predict, refuse what the tokenizer leaves nothing of, and keep count. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HEADERS } from '../../contract/names.ts'
import type { Prediction } from '../inference/predictor.ts'
import { requestWait } from '../plugins/request-wait.ts'
import { RequestError } from '../request-error.ts'
import type { ServerContext } from '../server-context.ts'

/** How the request names its text at that index. */
export type FieldOf = (index: number) => string

/** @throws RequestError, InferenceError */
export async function judgeTexts(
  { config, metrics, predictor }: ServerContext,
  texts: readonly string[],
  field: FieldOf,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Prediction[]> {
  const predictions = await predictor.predict(texts, requestWait(request, reply, config.defaultTimeoutMs))
  const empty = predictions.findIndex((prediction) => prediction.isEmpty)
  if (empty >= 0) {
    const message = `${field(empty)} has no character that the model's tokenizer knows what to do with: send a text`
    throw new RequestError('InvalidText', message)
  }
  if (predictions.some((prediction) => prediction.isTruncated)) reply.header(HEADERS.truncated, 'true')
  for (const prediction of predictions) {
    metrics.sentimentScore.observe({ sentiment: prediction.label }, prediction.score)
    if (prediction.isTruncated) metrics.truncated.inc()
  }
  return predictions
}
