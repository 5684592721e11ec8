import { expect, test } from 'vitest'
import { isWithinBand } from '../../../operator/plan/rollout/share-band.ts'
import { bandOf } from './band.ts'

test('of 20000 requests at 5 %, 900 to 1103 are within the band', () => {
  expect(bandOf(20_000, 50)).toEqual({ low: 900, high: 1103 })
})

test.each([1, 10, 50, 250, 500, 1000])(
  'the edges are within the band of %i of a thousand, what is beyond is not',
  (perMille) => {
    for (const total of [40, 1000, 20_000]) {
      const { low, high } = bandOf(total, perMille)
      const isWithin = (candidate: number) => isWithinBand({ candidate, total }, perMille)
      expect(isWithin(low) && isWithin(high)).toBe(true)
      expect(low === 0 || !isWithin(low - 1)).toBe(true)
      expect(high === total || !isWithin(high + 1)).toBe(true)
    }
  },
)
