/** routing.json: which version answers. The operator writes it into a ConfigMap, every serving pod mounts it. */
import { z } from 'zod'

const perMille = z.int().min(0).max(1000)

export const routing = z.strictObject({
  /** Rises with every change of this file. */
  epoch: z.int().nonnegative(),
  stable: z.string(),
  candidate: z.string().optional(),
  /** Share of the candidate in thousandths. */
  perMille: perMille.default(0),
  shadowPerMille: perMille.default(0),
  baseline: z.string().optional(),
  /** Version -> base URL of its Service. */
  endpoints: z.record(z.string(), z.url({ protocol: /^https?$/ })),
})
export type Routing = z.infer<typeof routing>
