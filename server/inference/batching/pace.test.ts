import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

const learned = (runs: [clockSeconds: number, aloneSeconds: number][], pace = new Pace(), fromMs = 0) => {
  let nowMs = fromMs
  for (const [clockSeconds, aloneSeconds] of runs) {
    nowMs += 1000 * clockSeconds
    pace.learn({ clockSeconds, aloneSeconds }, nowMs)
  }
  return pace
}

test('is 1 before anything has run', () => {
  expect(new Pace().value).toBe(1)
})

test('long runs count for what they are', () => {
  const short = Array<[number, number]>(9).fill([0.002, 0.001])
  const pace = learned(Array.from({ length: 20 }, () => [...short, [0.101, 0.1] as [number, number]]).flat())
  expect(pace.value).toBeGreaterThan(1.05)
  expect(pace.value).toBeLessThan(1.12)
})

test('one stall among many runs does not turn it around, and is forgotten', () => {
  const busy = Array<[number, number]>(500).fill([0.01, 0.01])
  const pace = learned([...busy, [1, 0.01]])
  expect(pace.value).toBeLessThan(1.5)
  expect(learned(Array<[number, number]>(3_000).fill([0.01, 0.01]), pace, 6_000).value).toBeLessThan(1.02)
})

test('follows a machine that has become busy within seconds', () => {
  const pace = learned(Array<[number, number]>(1_000).fill([0.01, 0.01]))
  expect(learned(Array<[number, number]>(1_000).fill([0.03, 0.01]), pace, 10_000).value).toBeGreaterThan(2.9)
})
