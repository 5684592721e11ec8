import { describe, expect, test } from 'vitest'
import { Backoff, backoffDelay } from './backoff.ts'
import { FakeClock } from './testing/fake-clock.ts'

describe('Backoff', () => {
  const options = { initialMs: 100, maxMs: 1000, jitter: 0, resetAfterMs: 5000 }

  test('doubles up to its maximum', () => {
    const backoff = new Backoff({ ...options, clock: new FakeClock() })
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  test('starts again after a time of health, which begins when the delay is over', async () => {
    const clock = new FakeClock()
    const backoff = new Backoff({ ...options, clock })
    backoff.next()
    await clock.advance(5099)
    expect(backoff.next()).toBe(200)
    await clock.advance(5200)
    expect(backoff.next()).toBe(100)
  })

  test('takes off at most the share that is random', () => {
    expect(backoffDelay(0, { initialMs: 100, maxMs: 1000, random: () => 0 })).toBe(100)
    expect(backoffDelay(0, { initialMs: 100, maxMs: 1000, random: () => 1 })).toBe(50)
  })

  test('does not overflow after very many failures', () => {
    expect(backoffDelay(100_000, { initialMs: 100, maxMs: 1000, jitter: 0 })).toBe(1000)
  })
})
