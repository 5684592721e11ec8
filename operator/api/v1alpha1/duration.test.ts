import { expect, test } from 'vitest'
import { duration, durationSeconds } from './duration.ts'

test.each([
  ['90s', 90],
  ['30m', 1800],
  ['6h', 21_600],
  ['1h30m', 5400],
  ['1h0m1s', 3601],
])('%s is %i seconds', (text, seconds) => {
  expect(durationSeconds(text)).toBe(seconds)
})

test.each(['', '0s', '0h0m', '6', 'h', '6x', '-1h', '1m1h', '1.5h', ' 6h', '6H'])('"%s" is no duration', (text) => {
  expect(durationSeconds(text)).toBeUndefined()
  expect(duration('job.deadlines.active', 'd').safeParse(text).error?.issues[0]?.message).toBe(
    'job.deadlines.active must be a duration above zero, such as 90s, 30m, 6h or 1h30m',
  )
})
