import { expect, test } from 'vitest'
import { EMPTY_WINDOW, merge, stepsOf, type Window } from './window.ts'

const window = (perMille?: number, candidate = { requests: 10, failures: 1 }): Window => ({
  perMille,
  candidate,
  stable: { requests: 90, failures: 2 },
})

test('merging adds all counts, and none are zero', () => {
  expect(merge([window(), window()])).toEqual({
    candidate: { requests: 20, failures: 2 },
    stable: { requests: 180, failures: 4 },
  })
  expect(merge([])).toEqual(EMPTY_WINDOW)
})

test.each([
  { requests: 1, failures: 2 },
  { requests: 1, failures: -1 },
  { requests: 1.5, failures: 1 },
  { requests: NaN, failures: 0 },
])('$failures failures of $requests requests are refused', (arm) => {
  expect(() => merge([window(10, arm)])).toThrow(RangeError)
})

test('a step ends where the weight changes, and the same weight again is another step', () => {
  const windows = [10, 10, 50, 10].map((perMille) => window(perMille))
  expect(stepsOf(windows).map((step) => step.length)).toEqual([2, 1, 1])
  expect(stepsOf([window(), window()])).toHaveLength(1)
  expect(stepsOf([])).toEqual([])
})
