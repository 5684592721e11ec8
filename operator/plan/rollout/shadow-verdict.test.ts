import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chanceOfAtLeast } from './binomial.ts'
import { judgeShadow } from './shadow-verdict.ts'

const live = (disagreements: number, samples: number) => ({
  samples,
  disagreements,
  negToPos: disagreements,
  posToNeg: 0,
})
const predicted = { rows: 2000, disagreements: 100 }
const settings = { minRequests: 200 }

describe('against a prediction of 5 %', () => {
  test('9 % on live texts pass: other texts, not another behaviour', () => {
    expect(judgeShadow(live(36, 400), predicted, settings)).toEqual({
      verdict: 'Pass',
      reason: 'ShadowAsPredicted',
      message:
        'the candidate disagrees with stable on 36 of 400 (9 %) live texts, 36 toward a later label and 0 toward an earlier one; the evaluation predicted 100 of 2000 (5 %)',
    })
  })

  test('18 % hold the rollout', () => {
    expect(judgeShadow(live(72, 400), predicted, settings)).toMatchObject({
      verdict: 'Hold',
      reason: 'ShadowDisagreement',
      message: expect.stringMatching(
        /more than twice what was predicted: the evaluation predicted 100 of 2000 \(5 %\)$/,
      ),
    })
  })

  test('too few texts hold it, however well they agree', () => {
    expect(judgeShadow(live(0, 199), predicted, settings)).toMatchObject({ verdict: 'Hold', reason: 'ShadowTooFew' })
    expect(judgeShadow(live(0, 0), predicted, { minRequests: 0 }).reason).toBe('ShadowTooFew')
  })

  test('an explicit bound holds beside it', () => {
    expect(judgeShadow(live(36, 400), predicted, { ...settings, maxDisagreement: 0.08 }).message).toMatch(
      /at most 8 % is accepted$/,
    )
  })
})

test('a prediction of a few rows does not excuse a candidate that is far off', () => {
  const few = { rows: 40, disagreements: 1 }
  expect(judgeShadow(live(38, 104), few, { minRequests: 40 })).toMatchObject({
    verdict: 'Hold',
    reason: 'ShadowDisagreement',
  })
  expect(judgeShadow(live(10, 104), few, { minRequests: 40 })).toMatchObject({
    verdict: 'Pass',
    reason: 'ShadowWithinBound',
  })
})

test('a prediction of none is not taken for certainty: it came from so many rows', () => {
  const none = { rows: 1000, disagreements: 0 }
  expect(judgeShadow(live(10, 2000), none, settings).verdict).toBe('Pass')
  expect(judgeShadow(live(100, 2000), none, settings).verdict).toBe('Hold')
})

test('one text in a hundred is never held against a candidate', () => {
  expect(judgeShadow(live(100, 10_000), { rows: 100_000, disagreements: 0 }, settings).verdict).toBe('Pass')
})

describe('without a prediction', () => {
  test.each([undefined, { rows: 0, disagreements: 0 }])('a tenth is the bound (%j)', (prediction) => {
    expect(judgeShadow(live(40, 400), prediction, settings)).toMatchObject({
      verdict: 'Pass',
      reason: 'ShadowWithinBound',
    })
    expect(judgeShadow(live(41, 400), prediction, settings)).toMatchObject({
      verdict: 'Hold',
      reason: 'ShadowDisagreement',
    })
  })

  test('the bound of the spec replaces it', () => {
    expect(judgeShadow(live(80, 400), undefined, { ...settings, maxDisagreement: 0.3 }).verdict).toBe('Pass')
  })
})

test('at most one in a thousand is held at twice the prediction, also where disagreement is frequent', () => {
  const chance = (n: number, k: number, p: number) => chanceOfAtLeast(k, n, p) - chanceOfAtLeast(k + 1, n, p)
  const [samples, rows] = [120, 100]
  for (const rate of [0.02, 0.1, 0.3, 0.45]) {
    let held = 0
    for (let l = 0; l <= samples; l++)
      for (let r = 0; r <= rows; r++)
        if (judgeShadow(live(l, samples), { rows, disagreements: r }, { minRequests: 1 }).verdict === 'Hold')
          held += chance(samples, l, 2 * rate) * chance(rows, r, rate)
    expect(held).toBeLessThanOrEqual(0.001)
  }
})

test('more disagreement never turns a hold into a pass, and a larger prediction never turns a pass into one', () => {
  const counts = fc.record({ samples: fc.integer({ min: 1, max: 2000 }), rows: fc.integer({ min: 1, max: 2000 }) })
  fc.assert(
    fc.property(counts, fc.nat(), fc.nat(), ({ samples, rows }, a, b) => {
      const [d, e] = [a % samples, b % rows]
      const isHeld = (l: number, r: number) =>
        judgeShadow(live(l, samples), { rows, disagreements: r }, { minRequests: 1 }).verdict === 'Hold'
      if (isHeld(d, e)) expect(isHeld(d + 1, e)).toBe(true)
      else expect(isHeld(d, e + 1)).toBe(false)
    }),
  )
})

test('impossible counts are refused', () => {
  expect(() => judgeShadow(live(2, 1), undefined, settings)).toThrow(RangeError)
  expect(() => judgeShadow(live(1, 2), { rows: 1, disagreements: 2 }, settings)).toThrow(RangeError)
})
