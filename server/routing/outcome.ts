/** What a request says about the version that was chosen for it. One rule for the own version and for others. */
import type { FailureKind } from '../../contract/evidence.ts'
import type { Routing } from '../../contract/routing.ts'
import type { KnownRouting } from './who-answers.ts'

/** badInput: nobody could have answered that. */
export type Outcome = 'answered' | 'badInput' | FailureKind

/** Of an answer: that a caller has left, no answer says. */
export function outcomeOfStatus(status: number): Outcome {
  if (status === 429 || status === 503) return 'refused'
  if (status === 504) return 'timeout'
  if (status >= 500 || status === 499) return 'error'
  return status >= 400 ? 'badInput' : 'answered'
}

export interface Patience {
  /** How long another version is waited for, so that the own one has time left to answer in its place. */
  forwardMs: number
  /** A later answer counts as slow. */
  slowAfterMs: number
}

/**
 * With a candidate, both versions are held to the time that the other one would be waited for: an answer of the own version
 * that takes longer is late by the same rule.
 */
export function patienceOf(routing: KnownRouting, remainingMs: number): Patience {
  if (typeof routing !== 'object') return { forwardMs: remainingMs, slowAfterMs: Infinity }
  const forwardMs = Math.min(remainingMs / 2, routing.candidateTimeoutMs)
  return {
    forwardMs,
    slowAfterMs: Math.min(objectiveMs(routing), routing.candidate === undefined ? Infinity : forwardMs),
  }
}

/** Of a request that named its version: that one is waited for as long as the caller waits. */
export function namedPatience(routing: KnownRouting, remainingMs: number): Patience {
  return { forwardMs: remainingMs, slowAfterMs: typeof routing === 'object' ? objectiveMs(routing) : Infinity }
}

const objectiveMs = (routing: Routing): number => routing.latencySloMs ?? Infinity
