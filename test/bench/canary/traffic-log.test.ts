import { expect, test } from 'vitest'
import type { TrafficCount } from '../../../dev/traffic/traffic-pod.ts'
import { startCount } from './traffic-log.ts'

/** Callers of which so many requests get no answer, or an answer with a status, when they are told. */
function fakeTraffic() {
  const failures: TrafficCount['failures'] = []
  const fail = (times: number, status?: number) => {
    for (let i = 0; i < times; i++) failures.push({ at: '', why: 'failed', ...(status !== undefined && { status }) })
    return Promise.resolve()
  }
  const count = () =>
    Promise.resolve({
      ...{ sent: 1000 + failures.length, answered: 1000, failed: failures.length, failures: [...failures] },
      ...{ left: 0, versions: {}, fallbacks: {}, latencyMs: { median: 5, p99: 20 } },
    })
  return { fail, traffic: { count, ask: () => Promise.resolve(), stop: () => Promise.resolve() } }
}

test('a kill beside a candidate excuses no more than the same kill without one has taken', async () => {
  const { fail, traffic } = fakeTraffic()
  const log = await startCount(traffic)
  await log.during('alone', { kill: 'alone' }, () => fail(2))
  await log.during('as many', { kill: 'beside' }, () => fail(2))
  expect(await log.total()).toMatchObject({ failedBeyondStable: 0 })
  await log.during('more', { kill: 'beside' }, () => fail(5))
  expect(log.entries.map(({ lost, failedWithStable }) => [lost, failedWithStable])).toEqual([
    [2, 2],
    [2, 2],
    [5, 2],
  ])
  expect(await log.total()).toMatchObject({ failedBeyondStable: 3 })
})

test('nothing is excused that was before a kill, had an answer, or was in another row', async () => {
  const { fail, traffic } = fakeTraffic()
  const log = await startCount(traffic)
  await log.during('alone', { kill: 'alone' }, () => fail(4))
  await fail(1)
  await log.during('beside', { kill: 'beside' }, () => fail(1, 503))
  await log.during('something else', () => fail(1))
  expect(log.entries.map(({ failures }) => failures)).toEqual([4, 2, 1])
  expect(await log.total()).toMatchObject({ failedBeyondStable: 3 })
})
