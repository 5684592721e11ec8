/** What is simulated: pairs of failure rates, and what would be a false decision on them. */
import type { Analysis } from '../../operator/plan/rollout/verdict.ts'

/** The defaults that the simulation is about. */
export const ANALYSIS: Analysis = {
  minRequests: 500,
  maxFailureRatio: 2,
  tolerableFailureRate: 0.01,
  alphaHarm: 0.01,
  alphaOk: 0.05,
}

export interface Case {
  name: string
  stable: number
  candidate: number
  /** In this share of the windows, this share of the requests fails besides: of both arms, or of one arm that a coin chooses. */
  bursts?: { windows: number; failing: number; arm: 'both' | 'one' }
  /** The candidate is as good as stable until it gets this share of the traffic, per mille. */
  fromPerMille?: number
  /** The rollout is left at 25 % for so many windows, as one that waits for an approval is. */
  pausedFor?: number
}

/** To roll back a candidate that fails no more often than stable is false. */
export const isRollbackFalse = ({ stable, candidate }: Case) => candidate <= stable
/** To promote one is false if it is worse by the ratio and by the rate. */
export const isPromotionFalse = ({ stable, candidate }: Case) =>
  candidate >= ANALYSIS.maxFailureRatio * stable && candidate >= ANALYSIS.tolerableFailureRate

const percent = (rate: number) => `${Number((100 * rate).toPrecision(3))} %`
const pair = (name: string, stable: number, candidate: number, rest: Partial<Case> = {}): Case => ({
  name: `${name}: ${percent(stable)} and ${percent(candidate)}`,
  stable,
  candidate,
  ...rest,
})

const RATES = [0.001, 0.005, 0.02] as const
/** A dependency that fails for three seconds, or one pod of twenty that does for a minute, once in fifty minutes. */
const BURSTS = { windows: 0.02, failing: 0.05 } as const

export const CASES: readonly Case[] = [
  ...[0, ...RATES].map((rate) => pair('identical', rate, rate)),
  ...RATES.map((rate) => pair('better', rate, rate / 2)),
  pair('worse', 0, 0.001),
  pair('worse', 0, 0.02),
  ...RATES.map((rate) => pair('worse 2x', rate, 2 * rate)),
  ...RATES.map((rate) => pair('worse 4x', rate, 4 * rate)),
  pair('worse 4x at 50 % only', 0.005, 0.02, { fromPerMille: 500 }),
  pair('worse 4x at 50 % only, after a pause', 0.005, 0.02, { fromPerMille: 500, pausedFor: 300 }),
  pair('identical, bursts on both', 0.005, 0.005, { bursts: { ...BURSTS, arm: 'both' } }),
  pair('identical, bursts on one', 0.005, 0.005, { bursts: { ...BURSTS, arm: 'one' } }),
  pair('worse 4x, bursts on both', 0.005, 0.02, { bursts: { ...BURSTS, arm: 'both' } }),
  pair('worse 4x, bursts on one', 0.005, 0.02, { bursts: { ...BURSTS, arm: 'one' } }),
]
