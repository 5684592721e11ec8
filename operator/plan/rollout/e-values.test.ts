import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logHarm, logHarmFromAnyStep, logNotWorseByRate, logNotWorseByRatio } from './e-values.ts'
import { anyWindow, anyWindows, windowOf, windowsOfOneShare } from './testing/windows.ts'
import { merge, type Window } from './window.ts'

const MAX_RATIO = 2
const TOLERABLE = 0.01
const ratio = (windows: readonly Window[]) => logNotWorseByRatio(windows, MAX_RATIO)
const rate = (windows: readonly Window[]) => logNotWorseByRate(windows, TOLERABLE)
const all = { harm: logHarm, harmFromAnyStep: logHarmFromAnyStep, ratio, rate }

/** Sums of logarithms in another order differ in their last digits. */
const expectSame = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(b)))
const expectAtMost = (a: number, b: number) => expect(a).toBeLessThanOrEqual(b + 1e-9 * (1 + Math.abs(b)))

describe('the examples of the comments', () => {
  test('20 of 1000 against 5 of 1000 are evidence of 60.3 for harm', () => {
    expect(Math.exp(logHarm([windowOf([20, 1000], [5, 1000])]))).toBeCloseTo(60.3, 1)
  })

  test('20 of 1000 on both are evidence of 4.63 that the candidate is not twice as bad', () => {
    expect(Math.exp(ratio([windowOf([20, 1000], [20, 1000])]))).toBeCloseTo(4.63, 2)
  })

  test('600 requests without a failure are evidence of 113.8 for a tolerable rate, and 475 suffice for a pass', () => {
    const withoutFailure = (requests: number) => Math.exp(rate([windowOf([0, requests], [0, 0])]))
    expect(withoutFailure(600)).toBeCloseTo(113.8, 1)
    expect(withoutFailure(474)).toBeLessThan(40)
    expect(withoutFailure(475)).toBeGreaterThan(40)
  })

  test('half of the stake is on harm from the first step, a quarter on harm from the second', () => {
    const [good, bad] = [windowOf([2, 1000], [12, 1000], 250), windowOf([30, 1000], [7, 1000], 500)]
    const parts = Math.exp(logHarm([good, bad])) / 2 + Math.exp(logHarm([bad])) / 4 + 1 / 4
    expectSame(logHarmFromAnyStep([good, bad]), Math.log(parts))
  })
})

describe('an e-value', () => {
  // All outcomes of a small window, so that the mean is exact.
  const [CANDIDATE, STABLE] = [7, 10]
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k)
  const chance = (n: number, k: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k)
  function meanOf(log: (windows: readonly Window[]) => number, onCandidate: number, onStable: number): number {
    let mean = 0
    for (let c = 0; c <= CANDIDATE; c++)
      for (let s = 0; s <= STABLE; s++)
        mean +=
          chance(CANDIDATE, c, onCandidate) *
          chance(STABLE, s, onStable) *
          Math.exp(log([windowOf([c, CANDIDATE], [s, STABLE])]))
    return mean
  }
  const rateArbitrary = fc.double({ min: 0, max: 1, noNaN: true })

  test('for harm has a mean of at most 1 while the candidate fails no more often than stable, however often that is', () => {
    fc.assert(
      fc.property(rateArbitrary, rateArbitrary, (a, b) => {
        for (const log of [logHarm, logHarmFromAnyStep]) expectAtMost(meanOf(log, Math.min(a, b), Math.max(a, b)), 1)
      }),
    )
  })

  test('for the ratio has a mean of at most 1 for every candidate that is at least twice as bad', () => {
    fc.assert(
      fc.property(rateArbitrary, rateArbitrary, (candidate, part) => {
        expectAtMost(meanOf(ratio, candidate, (candidate / MAX_RATIO) * part), 1)
      }),
    )
  })

  test('for the rate has a mean of at most 1 from the tolerable rate on, and of 1 at it', () => {
    expectSame(meanOf(rate, TOLERABLE, 0.5), 1)
    fc.assert(
      fc.property(fc.double({ min: TOLERABLE, max: 1, noNaN: true }), (candidate) => {
        expectAtMost(meanOf(rate, candidate, 0.3), 1)
      }),
    )
  })

  test('is nearly 1 on the edge where failures are rare: nothing is given away', () => {
    expect(meanOf(logHarm, 0.001, 0.001)).toBeGreaterThan(0.99)
    expect(meanOf(ratio, 0.002, 0.001)).toBeGreaterThan(0.99)
  })

  test.each(Object.entries(all))('of %s multiplies over windows, or is a mixture of such products', (_, log) => {
    expect(log([])).toBe(0)
    expectSame(log([windowOf([0, 0], [0, 0])]), 0)
  })

  test('does not care how windows of one share were cut', () => {
    fc.assert(
      fc.property(windowsOfOneShare, (windows) => {
        for (const log of Object.values(all)) expectSame(log([merge(windows)]), log(windows))
      }),
    )
  })

  test('for the rate does not care how windows of any shares were cut', () => {
    fc.assert(
      fc.property(anyWindows, (windows) => {
        expect(rate([merge(windows)])).toBe(rate(windows))
      }),
    )
  })

  test('only speaks more against a candidate when more of its requests fail', () => {
    fc.assert(
      fc.property(anyWindows, anyWindow, fc.nat(), (before, window, more) => {
        const { requests, failures } = window.candidate
        const worse = { ...window, candidate: { requests, failures: failures + (more % (requests - failures + 1)) } }
        const [less, than] = [
          [...before, window],
          [...before, worse],
        ]
        for (const log of [logHarm, logHarmFromAnyStep]) expectAtMost(log(less), log(than))
        for (const log of [ratio, rate]) expectAtMost(log(than), log(less))
      }),
    )
  })

  test('of the ratios says nothing about an arm without requests', () => {
    for (const log of [logHarm, ratio]) {
      expect(log([windowOf([10, 10], [0, 0])])).toBe(0)
      expect(log([windowOf([0, 0], [10, 10])])).toBe(0)
    }
  })

  test('stays a number where everything fails or a day has gone by', () => {
    for (const log of Object.values(all)) {
      expect(log([windowOf([10, 10], [10, 10])])).not.toBeNaN()
      expect(Number.isFinite(log([windowOf([50_000_000, 50_000_000], [0, 50_000_000])]))).toBe(true)
      expect(Number.isFinite(log([windowOf([0, 50_000_000], [50_000_000, 50_000_000])]))).toBe(true)
    }
  })

  test('of an outage that hits both arms alike is below 1 for harm', () => {
    expect(logHarm([windowOf([100, 100], [100, 100])])).toBeLessThan(0)
  })
})

test('harm that begins after a long good time is seen at once by the bets on later steps', () => {
  const windows = [windowOf([250, 100_000], [1500, 300_000], 250), windowOf([80, 4000], [20, 4000], 500)]
  expect(Math.exp(logHarm(windows))).toBeLessThan(1)
  expect(Math.exp(logHarmFromAnyStep(windows))).toBeGreaterThan(100)
})

test('bounds that nothing could show are refused', () => {
  for (const bound of [1, 0.5, NaN, Infinity]) expect(() => logNotWorseByRatio([], bound)).toThrow(RangeError)
  for (const bound of [0, 1, -1, NaN]) expect(() => logNotWorseByRate([], bound)).toThrow(RangeError)
})

test('more failures than requests are refused', () => {
  for (const log of Object.values(all)) expect(() => log([windowOf([2, 1], [0, 1])])).toThrow(RangeError)
})
