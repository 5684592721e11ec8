import { expect, test } from 'vitest'
import { repeat, retry } from './retry.ts'

const signal = new AbortController().signal

/** Fails `failures` times, then gives how often it was asked. */
const flaky = (failures: number) => {
  let asked = 0
  return () => {
    asked++
    return asked <= failures ? Promise.reject(new Error(`failure ${String(asked)}`)) : Promise.resolve(asked)
  }
}

test('a question that fails a few times in a row is asked again', async () => {
  await expect(retry(flaky(2), { attempts: 3, pauseMs: 1, signal })).resolves.toBe(3)
})

test('a question that keeps failing gives its last error', async () => {
  await expect(retry(flaky(9), { attempts: 3, pauseMs: 1, signal })).rejects.toThrow('failure 3')
})

test('a question is not asked again after the signal', async () => {
  const task = flaky(1)
  await expect(retry(task, { attempts: 3, pauseMs: 1, signal: AbortSignal.abort() })).rejects.toThrow('failure 1')
  await expect(task()).resolves.toBe(2)
})

test('a repeated task outlives its failures, tells each of them, and ends at the signal', async () => {
  const stop = new AbortController()
  const errors: unknown[] = []
  const task = flaky(2)
  const run = async () => {
    if ((await task()) === 4) stop.abort()
  }
  await repeat(run, { pauseMs: 1, until: stop.signal, onError: (error) => errors.push(error) })
  expect(errors.map(String)).toEqual(['Error: failure 1', 'Error: failure 2'])
})
