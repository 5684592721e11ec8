import { expect, test } from 'vitest'
import { durationMs } from './duration.ts'

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['6h', 21_600_000],
  ['1h30m', 5_400_000],
  ['1h1m1s', 3_661_000],
])('%s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})
