import { expect, test } from 'vitest'
import { rateAtP99, type OpenStep } from './rate-at-p99.ts'

const step = (offeredRps: number, p99Ms: number, isSustained = true): OpenStep => ({ offeredRps, p99Ms, isSustained })

test('between two steps p99 is taken to grow exponentially', () => {
  expect(rateAtP99([step(10, 50), step(20, 200)], 100)).toBeCloseTo(15)
})

test('the order of the steps does not matter', () => {
  expect(rateAtP99([step(20, 200), step(10, 50)], 100)).toBeCloseTo(15)
})

test('a server whose first step is beyond the limit has no such rate', () => {
  expect(rateAtP99([step(10, 150), step(20, 200)], 100)).toBe(0)
  expect(rateAtP99([], 100)).toBe(0)
})

test('what was never beyond the limit is not extrapolated', () => {
  expect(rateAtP99([step(10, 50), step(20, 60)], 100)).toBe(20)
})

test('a step that lost requests ends it at the step before', () => {
  expect(rateAtP99([step(10, 50), step(20, 60, false), step(30, 70)], 100)).toBe(10)
})

test('a step that is good again after a bad one counts for nothing', () => {
  expect(rateAtP99([step(10, 100), step(20, 400), step(30, 90)], 100)).toBeCloseTo(10)
})
