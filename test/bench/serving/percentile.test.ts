import { expect, test } from 'vitest'
import { median, percentile } from './percentile.ts'

test('a percentile is one of the values: the smallest that the share does not exceed', () => {
  const values = [5, 1, 4, 2, 3]
  expect([0, 0.2, 0.21, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 1, 2, 3, 5, 5])
})

test('of a hundred values the 99th percentile leaves one above', () => {
  expect(
    percentile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.99,
    ),
  ).toBe(99)
})

test('of nothing there is no percentile and no median', () => {
  expect(percentile([], 0.5)).toBeNaN()
  expect(median([])).toBeNaN()
})

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([10, 1, 4, 2])).toBe(3)
  expect(median([10, 1, 4])).toBe(4)
})
