import { describe, expect, test } from 'vitest'
import { routing } from '../../contract/routing.ts'
import { namedPatience, outcomeOfStatus, patienceOf } from './outcome.ts'

test.each([
  [200, 'answered'],
  [302, 'answered'],
  [400, 'badInput'],
  [422, 'badInput'],
  [429, 'refused'],
  [499, 'error'],
  [500, 'error'],
  [502, 'error'],
  [503, 'refused'],
  [504, 'timeout'],
])('status %i is %s', (status, outcome) => {
  expect(outcomeOfStatus(status)).toBe(outcome)
})

describe('patience', () => {
  const file = routing.parse({ epoch: 1, stable: 'old', candidate: 'new', candidateTimeoutMs: 800, endpoints: {} })

  test.each([
    [10_000, 800],
    [1_000, 500],
    [0, 0],
  ])('of %i ms that are left another version gets %i', (remainingMs, forwardMs) => {
    expect(patienceOf(file, remainingMs).forwardMs).toBe(forwardMs)
  })

  test('a version that the caller names is waited for as long as the caller waits', () => {
    expect(namedPatience(file, 10_000)).toEqual({ forwardMs: 10_000, slowAfterMs: Infinity })
    expect(namedPatience({ ...file, latencySloMs: 250 }, 10_000).slowAfterMs).toBe(250)
    expect(namedPatience(undefined, 10_000).slowAfterMs).toBe(Infinity)
  })

  test('beside a candidate the own version is late when the candidate would be, with or without an objective', () => {
    expect(patienceOf(file, 10_000).slowAfterMs).toBe(800)
    expect(patienceOf(file, 1_000).slowAfterMs).toBe(500)
    expect(patienceOf({ ...file, latencySloMs: 250 }, 10_000).slowAfterMs).toBe(250)
    expect(patienceOf({ ...file, latencySloMs: 2_000 }, 10_000).slowAfterMs).toBe(800)
  })

  test('without a candidate only the objective counts', () => {
    const { candidate: _candidate, ...alone } = file
    expect(patienceOf(alone, 1_000).slowAfterMs).toBe(Infinity)
    expect(patienceOf({ ...alone, latencySloMs: 2_000 }, 1_000).slowAfterMs).toBe(2_000)
  })
})
