/**
 * How strongly the counts of a canary speak against a hypothesis, in a way that may be looked at after every window.
 *
 * An e-value is a number whose mean is at most 1 as long as the hypothesis is true: what a gambler would have won by betting
 * against it, having begun with 1. The winnings are kept on the table, so e-values multiply over windows. By Ville's inequality
 * (Ville 1939) the chance that they EVER reach 1/alpha is at most alpha, however often one looks and whenever one stops.
 * That is what a p-value does not allow. Sources: Wald 1945 (likelihood ratios over time), Robbins 1970 (mixtures of them), Shafer et al.
 * 2011 and Ramdas et al. 2023 (test martingales and e-values), Turner, Ly and Grünwald 2024 (two streams of successes and failures).
 *
 * Each bet here is a likelihood ratio against the edge of the hypothesis, for some alternatives; equal parts of the stake go on each, so
 * the e-value is the mean of theirs, which again has a mean of at most 1. All is in natural logarithms: after a day the numbers would not
 * fit a double.
 *
 * What is assumed: requests fail independently of each other, and how many each arm gets does not depend on whether they fail.
 * The rates may differ between windows in any way, as long as each window keeps to the hypothesis.
 */
import { merge, stepsOf, type Window } from './window.ts'

/** How many times as often as stable a bad candidate is taken to fail. */
const HARM_RATIOS = [1.5, 2, 3, 5, 10] as const
/** How many times as often as stable a good candidate is taken to fail. */
const GOOD_RATIOS = [0.25, 0.5, 0.75, 1] as const
/** What part of the tolerable failure rate a good candidate is taken to have. */
const GOOD_PARTS = [0.1, 0.25, 0.5] as const

/**
 * ln of the evidence against "the candidate fails at most as often as stable".
 *
 * A mixture of {@link logRatioBet} for r = 1.5, 2, 3, 5 and 10 against the edge 1.
 *
 * Example: 1000 requests on each arm, 20 failures on the candidate, 5 on stable. The bet on r = 3 is worth (3/2)^20 * (1/2)^5 = 103.9;
 * the five are worth 12.6, 41.5, 103.9, 112.6 and 31.0, their mean is 60.3, and the function gives ln 60.3 = 4.10.
 */
export function logHarm(windows: readonly Window[]): number {
  return logRatioMixture(windows, HARM_RATIOS, 1)
}

/**
 * As {@link logHarm}, also for a candidate that turned bad with a later step: under more load, say. Long good times before would hide it
 * from one bet over all windows, which has lost nearly all of its stake by then. So half of the stake bets on harm from the first step
 * on, a quarter from the second on, and so on; what remains is kept. With k steps so far, E_j the evidence of the windows from step j on:
 *
 *     E_1 / 2 + E_2 / 4 + ... + E_k / 2^k + 1 / 2^k
 *
 * Each part is an e-value, so is the sum. The price: harm from the first step on needs twice the evidence, from the fourth on 16 times.
 *
 * Example: a first step that speaks for the candidate by E = 0.001, then one that speaks against it by E = 500, so 0.5 in all: one bet
 * sees nothing, this one 0.5 / 2 + 500 / 4 + 1 / 4 = 125.5.
 */
export function logHarmFromAnyStep(windows: readonly Window[]): number {
  const steps = stepsOf(windows)
  const parts = steps.map((_, index) => logHarm(steps.slice(index).flat()) - (index + 1) * Math.LN2)
  return logSum([...parts, -steps.length * Math.LN2])
}

/**
 * ln of the evidence against "the candidate fails at least `maxFailureRatio` times as often as stable".
 *
 * A mixture of {@link logRatioBet} for r = 0.25, 0.5, 0.75 and 1 against the edge `maxFailureRatio`.
 *
 * Example: 1000 requests on each arm, 20 failures on each, at most twice as many. The bet on r = 1 is worth (3/4)^20 * (3/2)^20 = 10.55;
 * the four are worth 0.001, 1, 6.98 and 10.55, their mean is 4.63, and the function gives ln 4.63 = 1.53.
 */
export function logNotWorseByRatio(windows: readonly Window[], maxFailureRatio: number): number {
  if (!(maxFailureRatio > 1 && Number.isFinite(maxFailureRatio)))
    throw new RangeError(
      `maxFailureRatio is ${maxFailureRatio}: only a bound above 1 can be shown by a candidate as good as stable`,
    )
  return logRatioMixture(windows, GOOD_RATIOS, maxFailureRatio)
}

/**
 * ln of the evidence against "the candidate's failure rate is at least `tolerableFailureRate`" (t), whatever stable does.
 *
 * For each part a in {0.1, 0.25, 0.5} the likelihood of the rate a*t against that of t:
 *
 *     (a t / t)^failures * ((1 - a t) / (1 - t))^successes
 *
 * Its mean is 1 where the rate is t, and less where it is higher, because each failure makes it smaller. Only sums count, so it
 * does not matter at all how windows were cut.
 *
 * Example: 600 requests, none failed, t = 0.01. The three bets are worth (0.999/0.99)^600 = 228.1, 92.6 and 20.5; their mean is
 * 113.8, and the function gives ln 113.8 = 4.73. The 40 that are needed for a pass take 475 requests without a failure.
 */
export function logNotWorseByRate(windows: readonly Window[], tolerableFailureRate: number): number {
  if (!(tolerableFailureRate > 0 && tolerableFailureRate < 1))
    throw new RangeError(`tolerableFailureRate is ${tolerableFailureRate}: a rate between 0 and 1 is wanted`)
  const { requests, failures } = merge(windows).candidate
  return logMean(
    GOOD_PARTS.map(
      (part) =>
        failures * Math.log(part) +
        (requests - failures) * (Math.log1p(-part * tolerableFailureRate) - Math.log1p(-tolerableFailureRate)),
    ),
  )
}

/**
 * ln of the likelihood of "the candidate fails r times as often as stable" against that of "edge times as often", of the F failures
 * of a window with n_c and n_s requests. A failure falls on the candidate with the chance p(r) = n_c r / (n_c r + n_s), so
 *
 *     (p(r) / p(edge))^f_c * ((1 - p(r)) / (1 - p(edge)))^f_s  =  (r / edge)^f_c * ((n_c edge + n_s) / (n_c r + n_s))^F
 *
 * The failure rate of stable has cancelled: an outage that hits both arms alike speaks for neither. An arm without requests gives 1.
 *
 * Why its mean is at most 1 on the whole side of the edge, not only on it. Let x and y be the factors of one failure on either arm, and
 * q_c, q_s the failure rates. Requests are independent, so the mean is (1 + q_c (x - 1))^n_c * (1 + q_s (y - 1))^n_s, which is at most
 * exp(n_c q_c (x - 1) + n_s q_s (y - 1)), as 1 + z <= e^z. On the edge, q_c = edge * q_s, and the exponent is q_s times (n_c edge + n_s)
 * (p x + (1 - p) y - 1) with p = p(edge), which is 0, because p x + (1 - p) y = p(r) + 1 - p(r). Beyond the edge the candidate's share of
 * it shrinks: for r > edge, x > 1 and q_c is smaller; for r < edge, x < 1 and q_c is larger. The counts need not be rare, and where
 * requests of a window have different rates, their means stand for q_c and q_s.
 */
function logRatioBet({ candidate, stable }: Window, r: number, edge: number): number {
  if (candidate.requests === 0 || stable.requests === 0) return 0
  const onCandidate = candidate.failures * Math.log(r / edge)
  const onEither = Math.log((candidate.requests * edge + stable.requests) / (candidate.requests * r + stable.requests))
  return onCandidate + (candidate.failures + stable.failures) * onEither
}

function logRatioMixture(windows: readonly Window[], ratios: readonly number[], edge: number): number {
  merge(windows)
  return logMean(ratios.map((r) => windows.reduce((sum, window) => sum + logRatioBet(window, r, edge), 0)))
}

const logMean = (logs: readonly number[]) => logSum(logs) - Math.log(logs.length)

/** ln of the sum of numbers given by their logarithms; the largest is taken out, so that e^x neither overflows nor vanishes. */
function logSum(logs: readonly number[]): number {
  const largest = Math.max(...logs)
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0))
}
