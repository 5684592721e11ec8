/** What this pod's own model does with checked texts: predict, refuse what the tokenizer leaves nothing of, and keep count. */
import type { FastifyReply } from 'fastify'
import { HEADERS } from '../../contract/names.ts'
import type { Wait } from '../inference/engine.ts'
import type { Prediction } from '../inference/predictor.ts'
import { RequestError } from '../request-error.ts'
import type { ServerContext } from '../server-context.ts'

/** How the request names its text at that index. */
export type FieldOf = (index: number) => string

/** @throws RequestError, InferenceError */
export async function judgeTexts(
  { metrics, predictor }: ServerContext,
  texts: readonly string[],
  field: FieldOf,
  wait: Wait,
  reply: FastifyReply,
): Promise<Prediction[]> {
  const predictions = await predictor.predict(texts, wait)
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
