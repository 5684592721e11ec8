/** Windows for tests. */
import fc from 'fast-check'
import type { Arm, Window } from '../window.ts'

/** windowOf([failures, requests] of the candidate, the same of stable) */
export const windowOf = (candidate: [number, number], stable: [number, number], perMille?: number): Window => ({
  candidate: { failures: candidate[0], requests: candidate[1] },
  stable: { failures: stable[0], requests: stable[1] },
  ...(perMille === undefined ? {} : { perMille }),
})

const arm = (max: number): fc.Arbitrary<Arm> =>
  fc.nat(max).chain((requests) => fc.nat(requests).map((failures) => ({ requests, failures })))

export const anyWindow: fc.Arbitrary<Window> = fc.record({ candidate: arm(3000), stable: arm(3000) })
export const anyWindows = fc.array(anyWindow, { maxLength: 8 })

/** Windows of one step, in which the candidate has the same share of the requests. */
export const windowsOfOneShare: fc.Arbitrary<Window[]> = fc
  .record({ candidate: fc.integer({ min: 1, max: 20 }), stable: fc.integer({ min: 1, max: 20 }) })
  .chain((share) =>
    fc.array(
      fc.nat(100).chain((times) =>
        fc.record({
          candidate: fc
            .nat(times * share.candidate)
            .map((failures) => ({ failures, requests: times * share.candidate })),
          stable: fc.nat(times * share.stable).map((failures) => ({ failures, requests: times * share.stable })),
        }),
      ),
      { minLength: 1, maxLength: 8 },
    ),
  )
