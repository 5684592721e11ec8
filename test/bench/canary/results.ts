/** What was measured: docs/benchmarks/canary.json. Each part can be measured anew by itself; the others stay as they are. */
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { writeFormatted } from '../formatted-file.ts'
import { machine } from '../machine.ts'

export const RESULTS_FILE = 'docs/benchmarks/canary.json'

export const PARTS = ['disruptions', 'shares', 'broken', 'propagation', 'forwarding', 'simulation'] as const
export type Part = (typeof PARTS)[number]

const count = z.int().nonnegative()
const seconds = z.number().nonnegative()

const share = z.object({
  /** Percent, as all of these. */
  wanted: z.number(),
  observed: z.number(),
  /** The exact 99.9 % band around what is wanted. */
  low: z.number(),
  high: z.number(),
  /** Requests that the stable pods' split decided on. */
  requests: count,
  /** Requests that callers sent. */
  sent: count,
  isWithin: z.boolean(),
  /** Pods have counted as many requests as were sent, and of the candidate as many as it and stable in its place have answered. */
  addsUp: z.boolean(),
  stablePods: count,
  /** Of the requests: fell to the candidate by the pods' own counters, was answered by it as callers saw it, by stable in its place. */
  counted: count,
  answered: count,
  fallbacks: count,
})
export type Share = z.infer<typeof share>

const disruption = z.object({
  what: z.string(),
  /** What became of the rollout, where that is of interest. */
  outcome: z.string().optional(),
  seconds,
  requests: count,
  failures: count,
  /** Of these, where a stable pod was killed: had no answer, from the kill on. */
  lost: count.optional(),
  /** Of these: failed as they do with a stable pod that is killed where there is no candidate. */
  failedWithStable: count,
  fallbacks: count,
})
export type Disruption = z.infer<typeof disruption>

const brokenCandidate = z.object({
  kind: z.string(),
  promoted: z.boolean(),
  condition: z.string(),
  /** It ended with one of the reasons that its fault is to be found by, or is held. */
  isAsExpected: z.boolean(),
  seconds,
  requests: count,
  failures: count,
  /** Requests whose caller gave up: no failures. */
  left: count,
})
export type BrokenCandidate = z.infer<typeof brokenCandidate>

const delays = z.object({ median: seconds, max: seconds, trials: z.array(seconds) })
export type Delays = z.infer<typeof delays>

const forwarding = z.object({
  callers: count,
  pauseMs: count,
  addedMedianMs: z.number(),
  p10: z.number(),
  p90: z.number(),
})

export const simulated = z.object({
  case: z.string(),
  /** Null: a rollback would be right. */
  falseRollback: z.number().nullable(),
  /** Null: a promotion would be right. */
  falsePromotion: z.number().nullable(),
  medianRequests: count,
})

const results = z
  .object({
    machine,
    requests: count,
    failedBeyondStable: count,
    shares: z.array(share),
    brokenCandidates: z.array(brokenCandidate),
    forwardingMedianMs: z.number(),
    /** The load that it is of: the one with the highest of those that leave a core free. */
    forwardingMedianOf: z.object({ callers: count, pauseMs: count }),
    /** The median, from the decision's record. */
    weightZeroSeconds: seconds,
    simulation: z.array(simulated),
    /** From the decision's record, or from the routing file that follows it, until every stable pod acts by it. */
    propagationSeconds: z.object({ weightZero: delays, weightZeroFromFile: delays, weightRaisedFromFile: delays }),
    disruptions: z.array(disruption),
    /** Up to a good answer: a request that failed is beyond all others. */
    latencyMs: z.object({ median: z.number(), p99: z.number() }),
    forwarding: z.array(forwarding),
    runs: z.partialRecord(z.enum(PARTS), z.object({ date: z.string(), seconds, command: z.string() })),
  })
  .partial()
export type Results = z.infer<typeof results>

export function readResults(file: string = RESULTS_FILE): Results {
  return existsSync(file) ? results.parse(JSON.parse(readFileSync(file, 'utf8'))) : {}
}

/** In the order of the schema, whichever part was measured first. */
export async function writeResults(measured: Results, file: string = RESULTS_FILE): Promise<void> {
  await writeFormatted(file, JSON.stringify(results.parse(measured)))
}
