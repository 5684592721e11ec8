import { expect, test } from 'vitest'
import { recoverySeconds } from './recovery.ts'

const request = (intendedMs: number, latencyMs: number, isOk = true) => ({ intendedMs, latencyMs, isOk })

test('the recovery ends with the last request that was slow', () => {
  expect(recoverySeconds([request(100, 900), request(600, 300), request(700, 20), request(800, 20)], 100)).toBe(0.6)
})

test('a failure is not a recovery, however fast it is', () => {
  expect(recoverySeconds([request(100, 20), request(400, 1, false), request(500, 20)], 100)).toBe(0.4)
})

test('nothing amiss is no time at all', () => {
  expect(recoverySeconds([request(100, 20), request(200, 30)], 100)).toBe(0)
})

test('a server that is slow to the end, or was asked nothing, has not recovered', () => {
  expect(recoverySeconds([request(100, 20), request(200, 300)], 100)).toBeUndefined()
  expect(recoverySeconds([], 100)).toBeUndefined()
})
