/** A rollout as it was seen: what docs/plot-rollout.ts draws. */
import { z } from 'zod'
import { decision } from '../../contract/decision.ts'
import type { RolloutStatus } from '../../operator/api/v1alpha1/rollout.ts'

const percent = z.number().min(0).max(100)
const count = z.int().min(0)
const arm = z.strictObject({ requests: count, failures: count })

/** One look at status.rollout. */
const point = z.strictObject({
  at: z.iso.datetime(),
  phase: z.string(),
  step: z.int().min(1).optional(),
  /** Percent, as the status has it. */
  weight: percent,
  observed: z.strictObject({ weight: percent, low: percent, high: percent, requests: count }).optional(),
  eValues: z.strictObject({ harm: z.number(), ratio: z.number(), rate: z.number() }).optional(),
  verdict: z.string().optional(),
  /** Since the first step, as they are judged. */
  candidate: arm,
  stable: arm,
})
export type Point = z.infer<typeof point>

const act = z.strictObject({
  name: z.enum(['rollout', 'rollback']),
  from: z.string(),
  candidate: z.string(),
  points: z.array(point).min(1),
  end: z.strictObject({ at: z.iso.datetime(), outcome: z.string(), reason: z.string(), message: z.string() }),
  /** Evidence that is needed: 1 / alphaHarm to roll back, 2 / alphaOk to pass. */
  needed: z.strictObject({ harm: z.number(), pass: z.number() }),
  /** Of all requests of the callers, from the begin of the traffic to this end. */
  callers: z.strictObject({ sent: count, failed: count }),
  decision: decision.optional(),
})
export type Act = z.infer<typeof act>

export const recording = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.string(),
  machine: z.strictObject({ cpu: z.string(), cores: count, memoryGiB: z.number() }),
  acts: z.array(act),
})
export type Recording = z.infer<typeof recording>

export function pointOf(rollout: RolloutStatus, at: string): Point {
  const { phase, step, weight, observed, verdict, windows = [] } = rollout
  const sum = (which: 'candidate' | 'stable') =>
    windows.reduce(
      (all, { [which]: one }) => ({ requests: all.requests + one.requests, failures: all.failures + one.failures }),
      { requests: 0, failures: 0 },
    )
  return {
    at,
    phase,
    weight,
    ...(step !== undefined && { step }),
    ...(observed && {
      observed: { weight: observed.weight, low: observed.low, high: observed.high, requests: observed.requests },
    }),
    ...(verdict && { eValues: verdict.eValues, verdict: verdict.verdict }),
    candidate: sum('candidate'),
    stable: sum('stable'),
  }
}

/** With the newest look, unless it shows nothing new: then only the time up to which that holds. */
export function withPoint(points: readonly Point[], next: Point): Point[] {
  const [before, last] = points.slice(-2)
  return before && last && isSame(before, last) && isSame(last, next)
    ? [...points.slice(0, -1), next]
    : [...points, next]
}

const isSame = (a: Point, b: Point) => JSON.stringify({ ...a, at: '' }) === JSON.stringify({ ...b, at: '' })
