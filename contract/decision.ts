/**
 * One decision of a rollout, as it is kept in an immutable ConfigMap: everything that is needed to come to it again.
 * `valence verify` recomputes the judgement from the counts and follows the chain of hashes.
 */
import { z } from 'zod'

const count = z.int().nonnegative()
const percent = z.number().min(0).max(100)
const arm = z.strictObject({ requests: count, failures: count })

export const DECISION_FILE = 'decision.json'

export const DECISION_KINDS = ['Promote', 'RollBack', 'Abort', 'Supersede', 'Hold'] as const
export type DecisionKind = (typeof DECISION_KINDS)[number]

const verdict = z.strictObject({
  verdict: z.enum(['Pass', 'Hold', 'RollBack']),
  reason: z.string(),
  message: z.string(),
  eValues: z.strictObject({ harm: z.number(), ratio: z.number(), rate: z.number() }),
})

export const decision = z.strictObject({
  schemaVersion: z.literal(1),
  /** Counted for each model from 1. */
  number: z.int().positive(),
  kind: z.enum(DECISION_KINDS),
  reason: z.string(),
  message: z.string(),
  time: z.string(),
  model: z.string(),
  namespace: z.string(),
  candidate: z.strictObject({ version: z.string(), digest: z.string() }),
  stable: z.strictObject({ version: z.string(), digest: z.string() }),
  startedAt: z.string(),
  step: z.int().positive().optional(),
  /** Percent: wanted at the time of the decision, and what was counted in that step with its 99.9 % interval. */
  weight: z.strictObject({
    wanted: percent,
    observed: z.strictObject({ weight: percent, low: percent, high: percent, requests: count }).optional(),
  }),
  windows: z.array(z.strictObject({ perMille: z.int().min(0).max(1000), candidate: arm, stable: arm })),
  /** Failures of the candidate by kind. */
  failures: z.record(z.string(), count),
  verdict: verdict.optional(),
  shadow: z.record(z.string(), z.unknown()).optional(),
  rehearsal: z.record(z.string(), z.unknown()).optional(),
  thresholds: z.strictObject({
    minRequests: z.int().positive(),
    maxFailureRatio: z.number(),
    tolerableFailureRate: z.number(),
    alphaHarm: z.number(),
    alphaOk: z.number(),
    latencySLO: z.string().optional(),
  }),
  /** Who asked for it, as the API server has it; absent: nobody, it is the operator's own. */
  by: z.string().optional(),
  operator: z.string(),
  /** sha256:<hex> of the text of the decision before; absent on the first. */
  previous: z.string().optional(),
})
export type Decision = z.infer<typeof decision>
