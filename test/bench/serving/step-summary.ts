/** What a step comes to: from arrays of requests to the figures of one round. */
import type { Requests, StepResult } from './load/protocol.ts'
import { percentile } from './percentile.ts'

export interface StepSummary {
  requests: number
  failures: number
  rps: number
  p50Ms: number
  p99Ms: number
  /** Of the good answers. */
  tokens: number
  sameLabel: number
  maxScoreDifference: number
  lagP99Ms: number
}

/**
 * Good answers count for the rate if they came within the seconds in which requests began: what is answered after that has fewer others
 * beside it. Latencies are of all requests, from when they were due; a failed one took as long as anyone would have waited.
 */
export function summaryOf(
  { requests, elapsedMs }: Pick<StepResult, 'requests' | 'elapsedMs'>,
  { seconds, failedMs, tokensOf }: { seconds: number; failedMs: number; tokensOf: (text: number) => number },
): StepSummary {
  const windowMs = Math.min(elapsedMs, seconds * 1000)
  let [good, inWindow, tokens, sameLabel, maxScoreDifference] = [0, 0, 0, 0, 0]
  for (let index = 0; index < requests.status.length; index++) {
    if (requests.status[index] !== 200) continue
    good++
    if ((requests.done[index] ?? Infinity) <= windowMs) inWindow++
    tokens += tokensOf(requests.text[index] ?? 0)
    sameLabel += requests.sameLabel[index] ?? 0
    maxScoreDifference = Math.max(maxScoreDifference, requests.scoreDifference[index] ?? 0)
  }
  const latencies = latenciesOf(requests, failedMs)
  return {
    requests: requests.status.length,
    failures: requests.status.length - good,
    rps: windowMs > 0 ? inWindow / (windowMs / 1000) : 0,
    p50Ms: latencies.length > 0 ? percentile(latencies, 0.5) : 0,
    p99Ms: latencies.length > 0 ? percentile(latencies, 0.99) : 0,
    tokens,
    sameLabel,
    maxScoreDifference,
    lagP99Ms: latencies.length > 0 ? percentile(lagsOf(requests), 0.99) : 0,
  }
}

const lagsOf = ({ sent, intended }: Requests) => sent.map((at, index) => at - (intended[index] ?? 0))

function latenciesOf({ status, intended, done }: Requests, failedMs: number): Float64Array {
  return Float64Array.from(status, (code, index) =>
    code === 200 ? (done[index] ?? failedMs) - (intended[index] ?? 0) : failedMs,
  )
}
