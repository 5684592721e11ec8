import { expect, test } from 'vitest'
import { poissonArrivals } from './poisson-arrivals.ts'
import { seededRandom, shuffled } from './seeded-random.ts'

test('the same seed gives the same arrivals, another one others', () => {
  const of = (seed: number) => poissonArrivals(50, 2, seededRandom(seed))
  expect(of(1)).toEqual(of(1))
  expect(of(1)).not.toEqual(of(2))
})

test('arrivals rise, end with the time, and are as many as the rate says', () => {
  const arrivals = poissonArrivals(200, 50, seededRandom(7))
  expect(arrivals.every((at, index) => at >= (arrivals[index - 1] ?? 0) && at < 50_000)).toBe(true)
  // 10,000 with a standard deviation of 100.
  expect(Math.abs(arrivals.length - 10_000)).toBeLessThan(400)
})

test('gaps vary as those of independent callers do: their standard deviation is their mean', () => {
  const arrivals = poissonArrivals(100, 100, seededRandom(3))
  const gaps = Array.from(arrivals, (at, index) => at - (arrivals[index - 1] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
  expect(deviation / mean).toBeCloseTo(1, 1)
})

test('a shuffle keeps every item and depends on the seed alone', () => {
  const items = Array.from({ length: 100 }, (_, index) => index)
  const once = shuffled(items, seededRandom(1))
  expect(once).toEqual(shuffled(items, seededRandom(1)))
  expect(once).not.toEqual(items)
  expect(once.toSorted((a, b) => a - b)).toEqual(items)
})
