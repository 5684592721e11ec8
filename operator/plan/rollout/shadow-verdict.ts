/** Judges the shadow step: whether a candidate disagrees with stable on live texts more often than its evaluation predicted. */
import { chanceOfAtLeast } from './binomial.ts'
import { percent } from './percent.ts'

export interface ShadowCounts {
  /** Texts that both versions have judged. */
  samples: number
  /** Of these: another label. */
  disagreements: number
  /** Of these: the candidate's label stands after stable's in the model's order of labels, and before it. */
  negToPos: number
  posToNeg: number
}

/** What the evaluation counted on its own rows. */
export interface PredictedDisagreement {
  rows: number
  disagreements: number
}

export interface ShadowSettings {
  /** Fewer samples than this are never a pass. */
  minRequests: number
  /** Highest share of live disagreement, whatever was predicted. Default: none with a prediction, 0.1 without one. */
  maxDisagreement?: number | undefined
}

export const SHADOW_REASONS = {
  agrees: 'ShadowAsPredicted',
  withinBound: 'ShadowWithinBound',
  tooFew: 'ShadowTooFew',
  disagrees: 'ShadowDisagreement',
} as const
export type ShadowReason = (typeof SHADOW_REASONS)[keyof typeof SHADOW_REASONS]

export interface ShadowVerdict {
  verdict: 'Pass' | 'Hold'
  reason: ShadowReason
  message: string
}

/** The bound where nobody has predicted or said anything: two sentiment models of use rarely differ on more than a text in ten. */
const DEFAULT_MAX_DISAGREEMENT = 0.1

/**
 * Fewer rows predict nothing: what 1 of 40 allows for, with the uncertainty of both samples, is a third of all live texts. Such a number
 * comes from a model without evaluation rows, and is of parity texts, which were chosen for their oddity.
 */
const PREDICTION_ROWS = 100

/**
 * The verdict on all samples so far. A Hold may turn into a Pass when more arrive.
 *
 * Example: the evaluation saw 100 of 2000 rows disagree, 5 %. Of 400 live texts, 36 disagree, 9 %: within twice the prediction, Pass. 72
 * disagree, 18 %: Hold, ShadowDisagreement.
 */
export function judgeShadow(
  live: ShadowCounts,
  predicted: PredictedDisagreement | undefined,
  settings: ShadowSettings,
): ShadowVerdict {
  check('live texts', live.samples, live.disagreements)
  if (predicted) check('evaluation rows', predicted.rows, predicted.disagreements)
  const { samples, disagreements } = live
  if (samples === 0 || samples < settings.minRequests) {
    const message = `${samples} of at least ${settings.minRequests} live texts have been judged by both versions`
    return { verdict: 'Hold', reason: SHADOW_REASONS.tooFew, message }
  }
  const hasPrediction = predicted !== undefined && predicted.rows >= PREDICTION_ROWS
  const bound = settings.maxDisagreement ?? (hasPrediction ? undefined : DEFAULT_MAX_DISAGREEMENT)
  if (bound !== undefined && disagreements / samples > bound) {
    const message = `${liveText(live)}; at most ${percent(bound)} ${settings.maxDisagreement === undefined ? 'is accepted without a prediction' : 'is accepted'}`
    return { verdict: 'Hold', reason: SHADOW_REASONS.disagrees, message }
  }
  if (!hasPrediction) {
    const message = `${liveText(live)}, within the bound of ${percent(bound ?? DEFAULT_MAX_DISAGREEMENT)}`
    return { verdict: 'Pass', reason: SHADOW_REASONS.withinBound, message }
  }
  const forecast = `the evaluation predicted ${sharesText(predicted.disagreements, predicted.rows)}`
  if (isAbovePrediction(live, predicted) && isAboveNoise(live)) {
    const message = `${liveText(live)}, more than twice what was predicted: ${forecast}`
    return { verdict: 'Hold', reason: SHADOW_REASONS.disagrees, message }
  }
  return { verdict: 'Pass', reason: SHADOW_REASONS.agrees, message: `${liveText(live)}; ${forecast}` }
}

/**
 * How many times the predicted share the live share may be before it counts as another behaviour. Two versions disagree on texts near the
 * border between labels, and live traffic holds more or fewer of those than the evaluation rows do: shorter texts, another topic. Halving
 * or doubling is what such a shift does; what this step is there to find (a broken tokenizer, swapped labels, a collapse to one label) is
 * a multiple. It is the same factor as the default of maxFailureRatio.
 */
const ALLOWED_RATIO = 2
/** A disagreement below this is never held against a candidate: after a retraining on the same data some texts always flip. */
const ALLOWED_SHARE = 0.01
/** The chance, at most, to hold a candidate that keeps to both allowances. */
const ALPHA = 0.001

/**
 * Exact two-sample test of "live share <= 2 * predicted share", which counts the uncertainty of both. On the edge, one of the D
 * disagreements of both samples together is a live one with the chance p = 2 n / (2 n + m), n live texts and m rows; the hypothesis is
 * given up if P(Bin(D, p) >= live disagreements) < 0.1 % (the conditional test of Przyborowski and Wilenski 1940 for rare events; for
 * frequent ones it errs on the side of passing, since counts out of n scatter less than it assumes).
 *
 * Example: 72 of 400 live and 100 of 2000 rows: p = 800 / 2800 = 0.286, D = 172, 49.1 expected, P(X >= 72) = 0.0001: given up. With 36
 * live, D = 136, 38.9 expected. Where the evaluation saw none in 1000 rows, 10 of 2000 live are no surprise yet: p = 0.8, 0.8^10 = 0.107.
 */
function isAbovePrediction(live: ShadowCounts, predicted: PredictedDisagreement): boolean {
  const all = live.disagreements + predicted.disagreements
  const chance = (ALLOWED_RATIO * live.samples) / (ALLOWED_RATIO * live.samples + predicted.rows)
  return chanceOfAtLeast(live.disagreements, all, chance) < ALPHA
}

/**
 * Exact test of "live share <= 1 %". Example: of 400 texts 11 may disagree, where 4 are expected: P(X >= 11) = 0.0027, P(X >= 12) =
 * 0.0008.
 */
function isAboveNoise({ samples, disagreements }: ShadowCounts): boolean {
  return chanceOfAtLeast(disagreements, samples, ALLOWED_SHARE) < ALPHA
}

function check(of: string, all: number, disagreements: number): void {
  const areCounts = Number.isSafeInteger(all) && Number.isSafeInteger(disagreements) && disagreements >= 0
  if (!areCounts || disagreements > all)
    throw new RangeError(`${disagreements} disagreements on ${all} ${of} is no count`)
}

function liveText({ samples, disagreements, negToPos, posToNeg }: ShadowCounts): string {
  const directions =
    disagreements === 0 ? '' : `, ${negToPos} toward a later label and ${posToNeg} toward an earlier one`
  return `the candidate disagrees with stable on ${sharesText(disagreements, samples)} live texts${directions}`
}

const sharesText = (part: number, all: number) => `${part} of ${all} (${percent(part / all)})`
