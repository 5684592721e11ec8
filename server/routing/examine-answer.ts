/** Whether what came back from another version is what the caller asked for; only that is passed on in its name. */
import { HEADERS } from '../../contract/names.ts'
import type { Forwarded } from './forwarder.ts'
import { outcomeOfStatus, type Outcome } from './outcome.ts'

export interface Expected<Body> {
  version: string
  /** Undefined where the body does not answer the question. */
  answerIn: (body: unknown) => Body | undefined
}

export type Examined<Body> = { outcome: 'answered'; body: Body } | { outcome: Exclude<Outcome, 'answered'> }

/** A status 4xx is `badInput`: whether the input really is to blame is for the own model to say. */
export function examineAnswer<Body>(forwarded: Forwarded, expected: Expected<Body>): Examined<Body> {
  if (forwarded.kind === 'failed') return { outcome: forwarded.failure }
  if (forwarded.kind === 'abandoned') return { outcome: forwarded.kind }
  const { status, headers } = forwarded
  const outcome = outcomeOfStatus(status)
  if (outcome !== 'answered') return { outcome }
  if (status !== 200 || headers[HEADERS.modelVersion] !== expected.version) return { outcome: 'garbage' }
  const body = expected.answerIn(parseJson(forwarded.body))
  return body === undefined ? { outcome: 'garbage' } : { outcome, body }
}

/**
 * Bytes that an answer can have, by its question, so that a version which sends without end fills no memory. An answer repeats the
 * question, at worst escaped to twice its length, and has for each text a label, a score and two numbers for each label.
 */
export function largestAnswer(body: string, texts: number, labels: readonly string[]): number {
  const perText = 256 + Buffer.byteLength(JSON.stringify(labels)) + labels.length * 64
  return 16_384 + 2 * Buffer.byteLength(body) + texts * perText
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
