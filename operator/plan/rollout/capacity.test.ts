import fc from 'fast-check'
import { expect, test } from 'vitest'
import { replicasFor } from './capacity.ts'

test.each([
  [25, 10, 4],
  [1, 10, 1],
  [80, 10, 10],
  [0, 10, 1],
  [100, 1, 1],
  [50, 0, 0],
])('%f %% of what %i pods answer are for %i pods', (weight, full, pods) => {
  expect(replicasFor(weight, full)).toBe(pods)
})

test('a candidate has half as much again as its share, never more pods than stable, and more for more weight', () => {
  const weights = fc.integer({ min: 1, max: 1000 }).map((perMille) => perMille / 10)
  fc.assert(
    fc.property(weights, weights, fc.integer({ min: 1, max: 500 }), (one, other, full) => {
      const pods = replicasFor(one, full)
      expect(pods).toBeLessThanOrEqual(full)
      expect(pods === full || pods * 100 >= full * one * 1.5).toBe(true)
      expect(replicasFor(Math.max(one, other), full)).toBeGreaterThanOrEqual(replicasFor(Math.min(one, other), full))
    }),
  )
})
