import { expect, test } from 'vitest'
import { duration, durationMilliseconds } from './duration.ts'

test.each([
  ['250ms', 250],
  ['1s500ms', 1500],
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['6h', 21_600_000],
  ['1h30m', 5_400_000],
  ['1h0m1s', 3_601_000],
])('%s is %i milliseconds', (text, seconds) => {
  expect(durationMilliseconds(text)).toBe(seconds)
})

test.each(['', '0s', '0h0m', '6', 'h', '6x', '-1h', '1m1h', '1.5h', ' 6h', '6H'])('"%s" is no duration', (text) => {
  expect(durationMilliseconds(text)).toBeUndefined()
  expect(duration('job.deadlines.active', 'd').safeParse(text).error?.issues[0]?.message).toBe(
    'job.deadlines.active must be a duration above zero, such as 250ms, 90s, 30m, 6h or 1h30m',
  )
})
