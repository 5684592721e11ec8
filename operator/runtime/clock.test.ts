import { describe, expect, test } from 'vitest'
import { startDeadline, systemClock, withDeadline } from './clock.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'

describe.each([
  ['systemClock', systemClock],
  ['FakeClock', new FakeClock()],
])('%s', (_, clock) => {
  test('rejects a sleep with the reason of its signal', async () => {
    const abort = new AbortController()
    const sleep = clock.sleep(60_000, abort.signal)
    abort.abort(new Error('enough'))
    await expect(sleep).rejects.toThrow('enough')
  })

  test('rejects a sleep whose signal is aborted already', async () => {
    await expect(clock.sleep(0, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
  })
})

test('the system clock wakes after the time, also where it is longer than a timer can be', async () => {
  const begin = systemClock.monotonic()
  await systemClock.sleep(20)
  expect(systemClock.monotonic() - begin).toBeGreaterThanOrEqual(18)
  const abort = new AbortController()
  let isAwake = false
  const long = systemClock.sleep(2 ** 40, abort.signal).then(
    () => (isAwake = true),
    () => undefined,
  )
  await systemClock.sleep(10)
  expect(isAwake).toBe(false)
  abort.abort()
  await long
})

describe('withDeadline', () => {
  const expired = () => new Error('too late')

  test('gives the result and leaves no timer behind', async () => {
    const clock = new FakeClock()
    await expect(withDeadline({ clock, ms: 10, expired }, () => Promise.resolve('done'))).resolves.toBe('done')
    expect(clock.sleeping).toBe(0)
  })

  test('rejects a work that ignores its signal', async () => {
    const clock = new FakeClock()
    const result = withDeadline({ clock, ms: 10, expired }, () => new Promise(() => undefined))
    const rejected = expect(result).rejects.toThrow('too late')
    await clock.advance(10)
    await rejected
  })

  test('ends with the outer signal and its reason', async () => {
    const outer = new AbortController()
    const clock = new FakeClock()
    const result = withDeadline({ clock, ms: 10, expired, signal: outer.signal }, () => new Promise(() => undefined))
    outer.abort(new Error('shutdown'))
    await expect(result).rejects.toThrow('shutdown')
    await settle()
    expect(clock.sleeping).toBe(0)
  })

  test('does not begin a work after the outer signal was aborted', async () => {
    let hasBegun = false
    const signal = AbortSignal.abort(new Error('shutdown'))
    const result = withDeadline({ clock: new FakeClock(), ms: 10, expired, signal }, () =>
      Promise.resolve((hasBegun = true)),
    )
    await expect(result).rejects.toThrow('shutdown')
    expect(hasBegun).toBe(false)
  })
})

test('a deadline that was cleared is never aborted', async () => {
  const clock = new FakeClock()
  const deadline = startDeadline({ clock, ms: 10, expired: () => new Error('too late') })
  deadline.clear()
  await clock.advance(20)
  expect(deadline.signal.aborted).toBe(false)
})
