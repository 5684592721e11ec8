/**
 * What every prediction endpoint does with its checked question: find out who answers it, have it answered, and count what that
 * says of the version that was chosen. Whatever a version does that the split chose, the caller gets an answer.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HEADERS } from '../../contract/names.ts'
import type { Prediction } from '../inference/predictor.ts'
import { toRequestError } from '../plugins/error-handling.ts'
import { requestWait } from '../plugins/request-wait.ts'
import { RequestError, type ErrorCode } from '../request-error.ts'
import { examineAnswer, largestAnswer, type Examined } from '../routing/examine-answer.ts'
import type { Forwarded } from '../routing/forwarder.ts'
import { namedPatience, outcomeOfStatus, patienceOf, type Outcome } from '../routing/outcome.ts'
import { whoAnswers, type Target } from '../routing/who-answers.ts'
import type { KnownLabels } from '../schemas/predict.ts'
import type { ServerContext } from '../server-context.ts'
import { judgeTexts, type FieldOf } from './judge-texts.ts'

export interface Question<Body> {
  /** Checked. */
  texts: readonly string[]
  field: FieldOf
  /** What the path names. */
  target?: Target
  /** Of this endpoint on the pods of another version. */
  path: string
  /** What they are asked there: the question, without what else the request says. */
  body: object
  toBody: (predictions: Prediction[]) => Body
  /** The answer in the body that came from another pod; undefined where it does not answer this question. */
  answerIn: (body: unknown, answering: Answering) => Body | undefined
}

export interface Answering {
  version: string
  labels: KnownLabels
}

/** @throws RequestError, InferenceError */
export async function answerQuestion<Body>(
  context: ServerContext,
  question: Question<Body>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Body> {
  const { traffic } = context
  const wait = requestWait(request, reply, context.config.defaultTimeoutMs)
  const routing = traffic.routing()
  const asked = { requestId: request.id, headers: request.headers, target: question.target }
  const answerer = whoAnswers(asked, routing, context.version)
  if (answerer.kind === 'nobody') throw new RequestError(answerer.code, answerer.message)

  const { chosenBy } = answerer
  const version = answerer.kind === 'own' ? context.version : answerer.version
  const start = performance.now()
  const patience = (chosenBy === 'split' ? patienceOf : namedPatience)(routing, wait.deadline - start)
  const observe = (ended: Outcome) => {
    // Whatever it ends in, of either version: the caller did not wait for it.
    const outcome = wait.signal?.aborted === true ? 'abandoned' : ended
    const elapsedMs = performance.now() - start
    return { chosenBy, version, outcome, elapsedMs, slowAfterMs: patience.slowAfterMs }
  }
  const judge = () => judgeTexts(context, question.texts, question.field, wait, reply)

  if (answerer.kind === 'own') {
    const predictions = await judge().catch((error: unknown) => {
      traffic.evidence.record(observe(outcomeOf(error)))
      throw error
    })
    traffic.evidence.record(observe('answered'))
    if (chosenBy === 'split') traffic.shadow.offer(request.id, predictions, reply.raw)
    return question.toBody(predictions)
  }

  const forwarded = await forward()
  // Beside a candidate callers know the labels of this version only; who names a version means that one's.
  const labels = chosenBy === 'split' ? context.predictor.labels : undefined
  const answerIn = (body: unknown) => question.answerIn(body, { version, labels })
  const examined = examineAnswer(forwarded, { version, answerIn })
  const { outcome } = examined
  if (chosenBy === 'name' || outcome === 'answered') {
    traffic.evidence.record(observe(outcome))
    return relay(forwarded, examined, version, reply)
  }
  // This pod found nothing wrong with the input: refusing it is an error, unless its own model has to refuse it too.
  const observed = observe(outcome === 'badInput' ? 'error' : outcome)
  if (observed.outcome === 'abandoned') {
    traffic.evidence.record(observed)
    throw new RequestError('Abandoned', 'the caller went away')
  }
  reply.header(HEADERS.fallback, observed.outcome)
  // Never the other one's answer: it repeats the caller's texts.
  const reason = forwarded.kind === 'failed' ? forwarded.message : `its answer was: ${outcome}`
  request.log.debug({ version, outcome: observed.outcome, reason }, 'answering in the place of another version')
  const predictions = await judge().catch((error: unknown) => {
    if (outcomeOf(error) !== 'badInput') traffic.evidence.record(observed)
    throw error
  })
  traffic.evidence.record(observed)
  return question.toBody(predictions)

  async function forward(): Promise<Forwarded> {
    const url = answerer.kind === 'other' ? answerer.url : undefined
    if (url === undefined) {
      return { kind: 'failed', failure: 'unreachable', message: `no endpoint is known of version ${version}` }
    }
    const body = JSON.stringify(question.body)
    return traffic[chosenBy === 'split' ? 'split' : 'named'].forward({
      version,
      url,
      path: question.path,
      body,
      maxAnswerBytes: largestAnswer(body, question.texts.length, context.predictor.labels),
      requestId: request.id,
      timeoutMs: patience.forwardMs,
      signal: wait.signal,
    })
  }
}

const outcomeOf = (error: unknown): Outcome => outcomeOfStatus(toRequestError(error).status)

const FAILURE_CODES = {
  refused: 'QueueFull',
  timeout: 'DeadlineExceeded',
  unreachable: 'VersionUnreachable',
  garbage: 'VersionUnreachable',
} as const satisfies Record<string, ErrorCode>

/**
 * The other pod's answer, or its refusal as it came.
 * @throws RequestError where there is none that could be passed on
 */
function relay<Body>(forwarded: Forwarded, examined: Examined<Body>, version: string, reply: FastifyReply): Body {
  switch (forwarded.kind) {
    case 'abandoned':
      throw new RequestError('Abandoned', 'the caller went away')
    case 'failed': {
      const { failure, message, cause } = forwarded
      throw new RequestError(FAILURE_CODES[failure], message, {
        cause,
        ...(failure === 'refused' ? { headers: { 'retry-after': '1' } } : {}),
      })
    }
    case 'answered':
      if (examined.outcome === 'garbage') {
        const message = `what is at the address of version ${version} gave no answer of that version to this question`
        throw new RequestError(FAILURE_CODES.garbage, message)
      }
      // This pod's own would say that this version has answered; what is before the other one sends none of its own.
      reply.removeHeader(HEADERS.modelVersion).removeHeader(HEADERS.modelDigest)
      reply.code(forwarded.status).headers(forwarded.headers)
      if (examined.outcome === 'answered') {
        reply.type('application/json; charset=utf-8')
        return examined.body
      }
      reply.serializer(String)
      return forwarded.body as unknown as Body
  }
}
