/** Whether what came back from another version is what the caller asked for; only that is passed on in its name. */
import { HEADERS } from '../../contract/names.ts'
import type { Forwarded } from './forwarder.ts'
import { outcomeOfStatus, type Outcome } from './outcome.ts'

export interface Expected {
  version: string
  /** Whether the body answers the question. */
  isAnswer: (body: unknown) => boolean
}

/** A status 4xx is `badInput`: whether the input really is to blame is for the own model to say. */
export function examineAnswer(forwarded: Forwarded, expected: Expected): Outcome {
  if (forwarded.kind === 'failed') return forwarded.failure
  if (forwarded.kind === 'abandoned') return forwarded.kind
  const { status, headers, body } = forwarded
  const outcome = outcomeOfStatus(status)
  if (outcome !== 'answered') return outcome
  if (status !== 200 || headers[HEADERS.modelVersion] !== expected.version) return 'garbage'
  return expected.isAnswer(parseJson(body)) ? 'answered' : 'garbage'
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
