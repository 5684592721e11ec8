import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWithinBand, observedShare } from './share-band.ts'

/** The smallest and the largest count that are within. */
function band(total: number, perMille: number) {
  const within = Array.from({ length: total + 1 }, (_, candidate) => candidate).filter((candidate) =>
    isWithinBand({ candidate, total }, perMille),
  )
  return [within[0], within.at(-1)]
}

describe('the band', () => {
  test.each([
    [1000, 1, [0, 6]],
    [20_000, 50, [900, 1103]],
    [10, 500, [0, 10]],
    [11, 500, [1, 10]],
  ])('of %i requests at %i per mille is %j', (total, perMille, expected) => {
    expect(band(total, perMille)).toEqual(expected)
  })

  test('of weight 0 has no request of the candidate, that of 1000 no other', () => {
    expect(isWithinBand({ candidate: 0, total: 1_000_000 }, 0)).toBe(true)
    expect(isWithinBand({ candidate: 1, total: 1_000_000 }, 0)).toBe(false)
    expect(isWithinBand({ candidate: 20, total: 20 }, 1000)).toBe(true)
    expect(isWithinBand({ candidate: 19, total: 20 }, 1000)).toBe(false)
  })

  test('holds nothing against a split without requests', () => {
    for (const perMille of [0, 1, 500, 1000]) expect(isWithinBand({ candidate: 0, total: 0 }, perMille)).toBe(true)
  })

  test('misses at most one true split in a thousand', () => {
    for (const [total, perMille] of [
      [500, 1],
      [200, 10],
      [100, 250],
    ] as const) {
      const p = perMille / 1000
      let chance = (1 - p) ** total
      let missed = 0
      for (let k = 0; k <= total; k++) {
        if (!isWithinBand({ candidate: k, total }, perMille)) missed += chance
        chance *= ((total - k) / (k + 1)) * (p / (1 - p))
      }
      expect(missed).toBeLessThanOrEqual(0.001)
    }
  })
})

describe('the interval of an observed share', () => {
  test('of 1 in 10 is 0.0025 to 0.4450 at 95 %', () => {
    const { share, low, high } = observedShare({ candidate: 1, total: 10 }, 0.95) ?? {}
    expect([share, low?.toFixed(4), high?.toFixed(4)]).toEqual([0.1, '0.0025', '0.4450'])
  })

  test('of 0 in 1000 begins at 0 and ends where 1000 misses have the chance 0.0005', () => {
    const { low, high } = observedShare({ candidate: 0, total: 1000 }) ?? {}
    expect(low).toBe(0)
    expect(high).toBeCloseTo(1 - 0.0005 ** (1 / 1000), 12)
    expect(observedShare({ candidate: 1000, total: 1000 })?.high).toBe(1)
  })

  test('holds exactly the weights under which the share is within the band', () => {
    const counts = fc
      .integer({ min: 1, max: 5000 })
      .chain((total) => fc.record({ candidate: fc.nat(total), total: fc.constant(total) }))
    fc.assert(
      fc.property(counts, fc.nat(1000), (observed, perMille) => {
        const { low, high } = observedShare(observed) ?? { low: NaN, high: NaN }
        expect(isWithinBand(observed, perMille)).toBe(low <= perMille / 1000 && perMille / 1000 <= high)
      }),
    )
  })

  test('is unknown without requests', () => expect(observedShare({ candidate: 0, total: 0 })).toBeUndefined())
})

test('impossible counts, weights and confidences are refused', () => {
  expect(() => isWithinBand({ candidate: 2, total: 1 }, 10)).toThrow(RangeError)
  expect(() => observedShare({ candidate: -1, total: 1 })).toThrow(RangeError)
  expect(() => isWithinBand({ candidate: 0, total: 1 }, 1001)).toThrow(RangeError)
  expect(() => isWithinBand({ candidate: 0, total: 1 }, 10, 1)).toThrow(RangeError)
})
