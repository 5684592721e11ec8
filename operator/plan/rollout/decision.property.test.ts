/** Whatever happens to a rollout, what is written down of it can be recomputed. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decision } from '../../../contract/decision.ts'
import { recompute } from './decision.ts'
import { Canary, NEW, OLD } from './testing/canary.ts'

const happening = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 6 }).map((times) => (canary: Canary) => void canary.look(times)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(OLD, NEW), fc.constantFrom(0, 0.001, 0.01, 0.05, 1))
      .map(([version, share]) => (canary: Canary) => {
        canary.traffic.failing = { ...canary.traffic.failing, [version]: share }
      }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0, 20, 700, 3000).map((requests) => (canary: Canary) => {
      canary.traffic.requests = requests
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('approve', 'promote', 'abort', 'retry', 'pause').map((verb) => (canary: Canary) => {
      canary.annotate(verb, NEW)
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        minRequests: fc.constantFrom(1, 500, 5000),
        alphaHarm: fc.constantFrom(0.5, 0.01),
        alphaOk: fc.constantFrom(0.5, 0.05),
        tolerableFailureRate: fc.constantFrom(0.001, 0.2),
      })
      .map((analysis) => (canary: Canary) => {
        const { rollout } = canary.spec as { rollout: object }
        canary.spec = { ...canary.spec, rollout: { ...rollout, analysis } }
      }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((isReady) => (canary: Canary) => {
      if (isReady) canary.unready.delete(NEW)
      else canary.unready.add(NEW)
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(60_000, 90_000_000).map((ms) => (canary: Canary) => void (canary.now += ms)),
  },
)

test('every decision follows from its own counts and thresholds', () => {
  const kinds = new Set<string>()
  fc.assert(
    fc.property(
      fc.constantFrom('Auto', 'Manual'),
      fc.constantFrom('Hold', 'RollBack'),
      fc.array(happening, { minLength: 10, maxLength: 60, size: 'max' }),
      (approval, onDeadline, happenings) => {
        const canary = new Canary({ rollout: { steps: [{ weight: 5 }, { weight: 50 }], approval, onDeadline } })
        for (const happen of [...happenings, () => void canary.look(40)]) happen(canary)
        for (const content of canary.decisions) {
          kinds.add(content.kind)
          const record = decision.parse({ ...content, number: 1, operator: '1' })
          expect(recompute(record), JSON.stringify(record)).toEqual([])
        }
      },
    ),
    { numRuns: 200 },
  )
  expect([...kinds].sort()).toEqual(['Abort', 'Hold', 'Promote', 'RollBack'])
})
