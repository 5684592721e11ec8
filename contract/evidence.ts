/** `GET :8001/evidence` of a serving pod: what the operator judges a canary by. All counters are cumulative since `boot`. */
import { z } from 'zod'

export const EVIDENCE_PATH = '/evidence'

const count = z.int().nonnegative()

/**
 * Why a request failed its arm. `slow` was answered, but later than the objective. `abandoned`: its caller left before the answer.
 * Callers leave both versions alike, unless one of them makes them wait; were they left out, a version that hangs would only be
 * judged by callers with patience.
 */
export const FAILURE_KINDS = ['refused', 'error', 'timeout', 'unreachable', 'garbage', 'slow', 'abandoned'] as const
export type FailureKind = (typeof FAILURE_KINDS)[number]

/** Upper bounds of the latency histogram, in milliseconds; a last bucket has everything above. */
export const LATENCY_BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const

export const armCounters = z
  .object({
    /** Requests that the split gave to this version, whoever answered them in the end. Counted when they end, bad requests never. */
    requests: count,
    /** Of these: all that failed, `slow` included. */
    failures: count,
    /** Failures by their kind; their sum is `failures`. A pod of a later release may know more kinds than FAILURE_KINDS. */
    reasons: z.record(z.string(), count),
    /**
     * Time of this version alone, up to its answer or failure. Counts between LATENCY_BOUNDS_MS, one more than there are bounds;
     * their sum is `requests`.
     */
    latency: z.array(count).length(LATENCY_BOUNDS_MS.length + 1),
  })
  .refine(({ requests, failures }) => failures <= requests, 'failures are a part of requests')
export type ArmCounters = z.infer<typeof armCounters>

export const shadowCounters = z.object({
  /** Texts that both versions have judged. */
  samples: count,
  /** Of these: another label. */
  disagreements: count,
  /** Disagreements where the candidate's label stands after stable's in the model's order of labels, and before it. */
  negToPos: count,
  posToNeg: count,
  /** Sum over the samples of the total variation distance of the two answers, each 0 to 1. */
  distance: z.number().nonnegative(),
  /** Requests that the candidate did not answer in a comparable way, and those not sent because too many were under way. */
  failures: count,
  dropped: count,
})
export type ShadowCounters = z.infer<typeof shadowCounters>

export const evidence = z.object({
  /** Another value: the process has started anew, and all counters with it. */
  boot: z.string(),
  /** Of the routing file in force; -1 without one. */
  epoch: z.int().min(-1),
  /** Of this pod. */
  version: z.string(),
  digest: z.string(),
  /** By version: requests that this pod's split decided on. */
  arms: z.record(z.string(), armCounters),
  /** By version: requests that named their version themselves, failures as in the arms; no part of the arms. */
  forced: z.record(z.string(), z.object({ requests: count, failures: count })),
  /** By candidate. */
  shadow: z.record(z.string(), shadowCounters),
})
export type Evidence = z.infer<typeof evidence>
