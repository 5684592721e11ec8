/** Judges a canary by the failures of both arms. docs/design/promotion.md explains the rule and has its error rates. */
import { logHarmFromAnyStep, logNotWorseByRate, logNotWorseByRatio } from './e-values.ts'
import { percent } from './percent.ts'
import { merge, stepsOf, type Arm, type Window } from './window.ts'

export interface Analysis {
  /** Fewer requests of the candidate than this are never a pass. */
  minRequests: number
  /** Above 1. A candidate that fails this many times as often as stable is worse. */
  maxFailureRatio: number
  /** Between 0 and 1. A candidate below this failure rate is good enough, however rarely stable fails. */
  tolerableFailureRate: number
  /** The chance, at most, to roll back a candidate that fails no more often than stable. */
  alphaHarm: number
  /** The chance, at most, to pass a candidate that is worse in both ways. */
  alphaOk: number
}

export const VERDICT_REASONS = {
  /** Roll back. */
  worse: 'CandidateWorse',
  failsAlways: 'CandidateFailsAlways',
  /** Pass. */
  notWorse: 'NotWorseThanStable',
  tolerable: 'FailureRateTolerable',
  /** Hold. */
  noData: 'NoData',
  tooFew: 'TooFewRequests',
  undecided: 'Undecided',
} as const
export type VerdictReason = (typeof VERDICT_REASONS)[keyof typeof VERDICT_REASONS]

export interface EValues {
  harm: number
  ratio: number
  rate: number
}

export interface Verdict {
  verdict: 'Pass' | 'Hold' | 'RollBack'
  /** CamelCase, for programs. */
  reason: VerdictReason
  /** A sentence, for people. */
  message: string
  eValues: EValues
  /** Of all windows. */
  counts: Window
  /** Of the newest step. */
  stepCounts: Window
}

/**
 * Harm is looked for over the whole rollout, and first: a candidate that is proven worse goes, although its rate may be tolerable. That
 * it is not worse has to be shown within the newest step alone, `minRequests` included: what it did with less traffic says little about
 * more. The two ways to pass share alphaOk, so each needs evidence of 2 / alphaOk.
 *
 * Example, with alphaHarm 0.01 and alphaOk 0.05: harm needs 100, a pass 40 by either way. 600 requests of the candidate without a failure
 * are evidence of 113.8 that its rate is below 1 %: Pass, if minRequests is 600 or less.
 */
export function judge(windows: readonly Window[], analysis: Analysis): Verdict {
  const step = stepsOf(windows).at(-1) ?? []
  const counts = merge(windows)
  const stepCounts = merge(step)
  const harm = logHarmFromAnyStep(windows)
  const ratio = logNotWorseByRatio(step, analysis.maxFailureRatio)
  const rate = logNotWorseByRate(step, analysis.tolerableFailureRate)
  const eValues = { harm: eValue(harm), ratio: eValue(ratio), rate: eValue(rate) }
  const conclude = (verdict: Verdict['verdict'], reason: VerdictReason, because: string): Verdict => {
    const before = step.length === windows.length ? '' : `; since the last change of weight: ${armsText(stepCounts)}`
    return { verdict, reason, message: `${because}: ${armsText(counts)}${before}`, eValues, counts, stepCounts }
  }

  const harmful = 1 / analysis.alphaHarm
  if (reaches(harm, harmful)) {
    const shown = `the candidate fails more often than stable (${evidenceText(harm, harmful)})`
    return conclude('RollBack', VERDICT_REASONS.worse, shown)
  }
  const { requests } = stepCounts.candidate
  if (requests === 0) return conclude('Hold', VERDICT_REASONS.noData, 'no request has reached the candidate yet')
  if (requests < analysis.minRequests) {
    const wanted = `${requests} of at least ${analysis.minRequests} requests have reached the candidate`
    return conclude('Hold', VERDICT_REASONS.tooFew, wanted)
  }
  const good = 2 / analysis.alphaOk
  if (reaches(ratio, good)) {
    const shown = `the candidate fails less than ${analysis.maxFailureRatio} times as often as stable`
    return conclude('Pass', VERDICT_REASONS.notWorse, `${shown} (${evidenceText(ratio, good)})`)
  }
  if (reaches(rate, good)) {
    const shown = `less than ${percent(analysis.tolerableFailureRate)} of the candidate's requests fail`
    return conclude('Pass', VERDICT_REASONS.tolerable, `${shown} (${evidenceText(rate, good)})`)
  }
  const best = evidenceText(Math.max(ratio, rate), good)
  return conclude('Hold', VERDICT_REASONS.undecided, `neither worse nor shown to be good enough (${best})`)
}

/** With fewer, a short burst looks like a broken version. */
const HARD_STOP_REQUESTS = 20

export interface HardStop {
  verdict: 'RollBack'
  reason: VerdictReason
  message: string
  /** Of the windows in which every request failed. */
  counts: Window
}

/**
 * The newest requests of the candidate have all failed, 20 at least, while stable answered at least half of its own. It needs no
 * statistics, and works where those are slow: after a long good time, the evidence for the candidate has first to be used up. Where
 * stable fails as well, the cause is something that both need, and rolling back would not help.
 *
 * Example: windows with 9 of 9 and 14 of 14 failures of the candidate and 3 of 2000 of stable: 23 failures in a row, so it stops.
 */
export function hardStop(windows: readonly Window[]): HardStop | undefined {
  const counts = merge(newest(windows, ({ candidate }) => candidate.failures === candidate.requests))
  const { candidate, stable } = counts
  if (candidate.requests < HARD_STOP_REQUESTS || share(stable) > 0.5) return undefined
  const message = `the last ${candidate.requests} requests of the candidate have all failed: ${armsText(counts)}`
  return { verdict: 'RollBack', reason: VERDICT_REASONS.failsAlways, message, counts }
}

/** Nearly everything fails, and nearly nothing. */
const BROKEN_RATE = 0.9
const FINE_RATE = 0.1
/** Ten answers of a candidate that is as broken as that would have a chance of 1e-10. */
const FINE_REQUESTS = 10

/**
 * In the newest windows stable fails at least 90 % of its requests, in each, 20 at least, and the candidate at most 10 % of its
 * own, 10 at least. Then going back to stable would be the harm, and going on is what helps callers.
 *
 * Example: a window with 60 of 61 failures of stable and 0 of 14 of the candidate: broken. With 0 of 3: too few to say that the candidate
 * is fine.
 */
export function isStableBroken(windows: readonly Window[]): boolean {
  const { candidate, stable } = merge(
    newest(windows, (window) => share(window.stable) >= BROKEN_RATE || isIdle(window.stable)),
  )
  return stable.requests >= HARD_STOP_REQUESTS && candidate.requests >= FINE_REQUESTS && share(candidate) <= FINE_RATE
}

/** From the last window back, as long as the condition holds. */
function newest(windows: readonly Window[], holds: (window: Window) => boolean): readonly Window[] {
  return windows.slice(windows.findLastIndex((window) => !holds(window)) + 1)
}

const isIdle = (arm: Arm) => arm.requests === 0
const share = ({ requests, failures }: Arm) => (requests === 0 ? 0 : failures / requests)

/** Thresholds such as 1 / 0.01 and sums of logarithms are off by an ulp or so, which must not decide. */
const ROUNDING = 1e-12
const reaches = (log: number, threshold: number) => log >= Math.log(threshold) - ROUNDING

/** JSON has no infinity, and a day of evidence is more than a double holds. */
const E_VALUE_LIMIT = 1e300
const eValue = (log: number) => Math.min(Math.max(Math.exp(log), 1 / E_VALUE_LIMIT), E_VALUE_LIMIT)

const evidenceText = (log: number, needed: number) => `evidence ${short(eValue(log))}, ${short(needed)} needed`
const armsText = ({ candidate, stable }: Window) => `candidate ${armText(candidate)}, stable ${armText(stable)}`
const armText = (arm: Arm) =>
  isIdle(arm) ? 'had no requests' : `failed ${arm.failures} of ${arm.requests} requests (${percent(share(arm))})`

const short = (value: number) =>
  value >= 1e6 || value < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
