/**
 * Asks the candidate about a sample of what stable has answered, and compares. Nobody waits for it: it begins when the caller
 * has the answer, what finds no room is dropped, and its connections are its own.
 */
import type { EventEmitter } from 'node:events'
import { HEADERS } from '../../contract/names.ts'
import type { Prediction } from '../inference/predictor.ts'
import { inferAnswerIn, inferBody, inferPath, type InferQuestion } from '../schemas/open-inference.ts'
import { comparePredictions, type Comparison, type Judged } from './compare-predictions.ts'
import type { EvidenceKeeper } from './evidence.ts'
import { largestAnswer } from './examine-answer.ts'
import { createForwarder } from './forwarder.ts'
import { isShadowed } from './split.ts'
import { endpointOf, type KnownRouting } from './who-answers.ts'

export interface Shadow {
  /** To be called before the answer to a request that this pod has judged as the stable version is sent. */
  offer(requestId: string, predictions: readonly Prediction[], answer: EventEmitter): void
  close(): Promise<void>
}

/** Requests under way. */
const CONCURRENCY = 4
const TIMEOUT_MS = 5_000
/** Of a request: a batch must not make the sample one of batches. */
const MAX_TEXTS = 16
const MAX_CHARACTERS = 100_000

export function createShadow(options: {
  ownVersion: string
  modelName: string
  labels: readonly string[]
  routing: () => KnownRouting
  evidence: EvidenceKeeper
}): Shadow {
  const { modelName: model, labels, evidence } = options
  const forwarder = createForwarder({
    ownVersion: options.ownVersion,
    limit: CONCURRENCY,
    attempts: 1,
  })
  let isClosed = false

  async function ask(candidate: string, url: string, requestId: string, own: readonly Prediction[]): Promise<void> {
    if (!forwarder.hasRoomFor(candidate)) {
      evidence.recordShadow(candidate, { kind: 'dropped' })
      return
    }
    const question: InferQuestion = { texts: own.map(({ text }) => text), outputs: ['sentiment', 'probabilities'] }
    const body = JSON.stringify(inferBody(question))
    const result = await forwarder.forward({
      version: candidate,
      url,
      // The versioned path: whoever else is at that address refuses it.
      path: inferPath(model, candidate),
      body,
      maxAnswerBytes: largestAnswer(body, own.length, labels),
      requestId,
      timeoutMs: TIMEOUT_MS,
    })
    // What was cut off by the end of this pod says nothing about the candidate.
    if (isClosed) return
    const comparisons =
      result.kind === 'answered' && result.status === 200 && result.headers[HEADERS.modelVersion] === candidate
        ? compareAll(own, judgedIn(result.body, question, { model, version: candidate, labels }), labels)
        : undefined
    evidence.recordShadow(candidate, comparisons === undefined ? { kind: 'failed' } : { kind: 'compared', comparisons })
  }

  return {
    offer(requestId, predictions, answer) {
      const routing = options.routing()
      if (typeof routing !== 'object' || routing.stable !== options.ownVersion) return
      const { candidate } = routing
      // By the request, also where callers stick to an arm: the sample is one of the texts, not of some callers.
      if (candidate === undefined || !isShadowed(routing, requestId)) return
      const url = endpointOf(routing, candidate)
      const sample = withinBounds(predictions)
      if (url === undefined || sample.length === 0) return
      answer.once('finish', () => {
        setImmediate(() => {
          void ask(candidate, url, requestId, sample)
        })
      })
    },
    close() {
      isClosed = true
      return forwarder.close()
    },
  }
}

function withinBounds(predictions: readonly Prediction[]): Prediction[] {
  let characters = 0
  return predictions.slice(0, MAX_TEXTS).filter(({ text }) => (characters += text.length) <= MAX_CHARACTERS)
}

/** Undefined where the answer is none, or of other labels. */
function compareAll(
  own: readonly Prediction[],
  judged: readonly Judged[],
  labels: readonly string[],
): Comparison[] | undefined {
  const comparisons = own.flatMap((prediction, index) => {
    const other = judged[index]
    return other === undefined ? [] : (comparePredictions(prediction, other, labels) ?? [])
  })
  return comparisons.length === own.length ? comparisons : undefined
}

function judgedIn(
  body: string,
  question: InferQuestion,
  expected: { model: string; version: string; labels: readonly string[] },
): Judged[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return []
  }
  const answer = inferAnswerIn(json, question, expected)
  const dataOf = (name: string) => answer?.outputs.find((output) => output.name === name)?.data ?? []
  const sentiments = dataOf('sentiment')
  const probabilities = dataOf('probabilities')
  const width = expected.labels.length
  return sentiments.map((label, index) => ({
    label: String(label),
    probabilities: probabilities.slice(index * width, (index + 1) * width).map(Number),
  }))
}
