/** routing.json: which version answers. The operator writes it into a ConfigMap, every serving pod mounts it. */
import { z } from 'zod'

const perMille = z.int().min(0).max(1000)

/** Unknown fields are left out, not refused: a server of this release may meet the file of a later operator. */
export const routing = z.object({
  /** Rises with every change of this file. */
  epoch: z.int().nonnegative(),
  stable: z.string(),
  candidate: z.string().optional(),
  /** Share of the candidate in thousandths. */
  perMille: perMille.default(0),
  /** Share of stable's own requests that the candidate is asked about too, off the caller's path; in thousandths. */
  shadowPerMille: perMille.default(0),
  /** Request header whose value keeps a caller on one arm; absent, or absent from a request: each request by its own id. */
  stickyHeader: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional(),
  /**
   * A request that takes longer counts as slow. While there is a candidate, so does one that takes longer than another version
   * would be waited for, whichever is less; it is the same for both versions. Milliseconds.
   */
  latencySloMs: z.int().positive().optional(),
  /**
   * The longest that another version is waited for before the pod answers with its own model; less where the caller's deadline
   * leaves less than twice that. Milliseconds.
   */
  candidateTimeoutMs: z.int().positive().default(1000),
  baseline: z.string().optional(),
  /** Version -> base URL of its Service. */
  endpoints: z.record(z.string(), z.url({ protocol: /^https?$/ })),
})
export type Routing = z.infer<typeof routing>
