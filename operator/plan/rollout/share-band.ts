/** Whether the split did what was asked: the share of requests that fell to the candidate against its weight. */
import { chanceOfAtLeast, chanceOfAtMost } from './binomial.ts'

export interface SplitCounts {
  /** Requests that the split gave to the candidate. */
  candidate: number
  /** Requests that the split decided on, for either arm. */
  total: number
}

/**
 * Whether so many requests on the candidate are what a weight of `wantedPerMille` gives: with w = wantedPerMille / 1000, neither
 * P(X <= candidate) nor P(X >= candidate) of Bin(total, w) is below (1 - confidence) / 2.
 *
 * Exact, because the usual approximations fail just where a canary begins: at 0.1 %, 1000 requests are one expected request. Examples at
 * 0.999: of 1000 requests at 0.1 %, 0 to 6 are within (P(X >= 6) = 0.00059, P(X >= 7) = 0.00008); of 20000 at 5 %, 900 to 1103 are.
 * Weight 0 with a single request on the candidate is outside, and so is weight 1000 with one on stable. Without requests nothing speaks
 * against the split; whoever needs proof needs requests first.
 *
 * It holds for requests that are split one by one. With a sticky header all requests of a caller go one way: then count callers.
 */
export function isWithinBand({ candidate, total }: SplitCounts, wantedPerMille: number, confidence = 0.999): boolean {
  check({ candidate, total }, confidence)
  const weight = wantedPerMille / 1000
  if (!(weight >= 0 && weight <= 1)) throw new RangeError(`wantedPerMille is ${wantedPerMille}: 0 to 1000 is wanted`)
  const tail = (1 - confidence) / 2
  return chanceOfAtMost(candidate, total, weight) >= tail && chanceOfAtLeast(candidate, total, weight) >= tail
}

export interface ObservedShare {
  share: number
  low: number
  high: number
}

/**
 * The observed share, and all weights under which it would be within the band (Clopper and Pearson 1934): `low` is the weight for which
 * P(X >= candidate) = (1 - confidence) / 2, `high` the one for which P(X <= candidate) is. So the interval that people read and
 * {@link isWithinBand} never disagree. Undefined without requests.
 *
 * Example at 0.95: 1 of 10 is 0.1, from 0.0025 to 0.4450. At 0.999: 0 of 1000 is 0, from 0 to 1 - 0.0005^(1/1000) = 0.0076.
 */
export function observedShare({ candidate, total }: SplitCounts, confidence = 0.999): ObservedShare | undefined {
  check({ candidate, total }, confidence)
  if (total === 0) return undefined
  const tail = (1 - confidence) / 2
  return {
    share: candidate / total,
    low: candidate === 0 ? 0 : edge((weight) => chanceOfAtLeast(candidate, total, weight) >= tail),
    high: candidate === total ? 1 : edge((weight) => chanceOfAtMost(candidate, total, weight) < tail),
  }
}

/** Where a condition begins to hold between 0 and 1, by halving; 60 times is more than a double resolves. */
function edge(holds: (weight: number) => boolean): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) high = middle
    else low = middle
  }
  return high
}

function check({ candidate, total }: SplitCounts, confidence: number): void {
  const areCounts = Number.isSafeInteger(candidate) && Number.isSafeInteger(total) && candidate >= 0
  if (!areCounts || candidate > total) throw new RangeError(`${candidate} of ${total} requests is no share`)
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`confidence is ${confidence}: between 0 and 1 is wanted`)
}
