import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chanceOfAtLeast, chanceOfAtMost } from './binomial.ts'

/** P(X = 0..n), trial by trial. */
function outcomes(n: number, p: number): number[] {
  let chances = [1]
  for (let trial = 0; trial < n; trial++) {
    const before = chances
    chances = Array.from({ length: trial + 2 }, (_, k) => (before[k] ?? 0) * (1 - p) + (before[k - 1] ?? 0) * p)
  }
  return chances
}
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
const relative = (a: number, b: number) => (b === 0 ? Math.abs(a) : Math.abs(a / b - 1))

test('two or fewer of ten fair coins: 56 of 1024', () => {
  expect(chanceOfAtMost(2, 10, 0.5)).toBeCloseTo(56 / 1024, 12)
  expect(chanceOfAtLeast(8, 10, 0.5)).toBeCloseTo(56 / 1024, 12)
})

test('both tails are what the sum over all outcomes says', () => {
  const chance = fc.oneof(fc.constantFrom(0, 0.001, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.nat(150), fc.integer({ min: -1, max: 151 }), chance, (n, k, p) => {
      const all = outcomes(n, p)
      expect(chanceOfAtMost(k, n, p)).toBeCloseTo(sum(all.slice(0, Math.max(0, k + 1))), 11)
      expect(chanceOfAtLeast(k, n, p)).toBeCloseTo(sum(all.slice(Math.max(0, k))), 11)
    }),
  )
})

test('a tail that is nearly nothing keeps its digits', () => {
  const all = outcomes(150, 0.01)
  for (const k of [8, 15, 40, 150])
    expect(relative(chanceOfAtLeast(k, 150, 0.01), sum(all.slice(k)))).toBeLessThan(1e-8)
})

test('the tails of ten million trials are close to those of the normal distribution', () => {
  const [n, p] = [10_000_000, 0.05]
  const threeSigma = Math.round(n * p + 3 * Math.sqrt(n * p * (1 - p)))
  expect(chanceOfAtLeast(threeSigma, n, p)).toBeCloseTo(0.00135, 4)
})
