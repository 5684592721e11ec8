import { pino } from 'pino'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { type Reconcile, runController } from './controller.ts'
import { createRuntimeMetrics } from './metrics.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'
import { WorkQueue } from './workqueue.ts'

function setUp(reconcile: Reconcile, concurrency = 2) {
  const clock = new FakeClock()
  const registry = new Registry()
  const metrics = createRuntimeMetrics(registry)
  const lines: Record<string, unknown>[] = []
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const queue = new WorkQueue({ name: 'models', clock, metrics, backoff: { initialMs: 100, maxMs: 1000, jitter: 0 } })
  const stop = new AbortController()
  const ended = runController(
    { name: 'models', queue, reconcile, concurrency, deadlineMs: 1000, clock, log, metrics },
    stop.signal,
  )
  return { clock, registry, lines, queue, stop, ended }
}

describe('runController', () => {
  test('gives the reconciler only namespace and name', async () => {
    const seen: unknown[] = []
    const { queue, stop, ended } = setUp((request) => {
      seen.push(request)
      return Promise.resolve({})
    })
    queue.add('default/reviews')
    await settle()
    stop.abort()
    await ended
    expect(seen).toEqual([{ namespace: 'default', name: 'reviews' }])
  })

  test('looks again after the time that was asked for, and not before', async () => {
    let runs = 0
    const { queue, clock, registry } = setUp(() => Promise.resolve(++runs === 1 ? { requeueAfterMs: 5000 } : {}))
    queue.add('a/b')
    await clock.advance(4999)
    expect(runs).toBe(1)
    await clock.advance(5000)
    expect(runs).toBe(2)
    const text = await registry.getSingleMetricAsString('controller_runtime_reconcile_total')
    expect(text).toContain('{controller="models",result="requeue_after"} 1')
    expect(text).toContain('{controller="models",result="success"} 1')
  })

  test('retries an error with growing delays, logs each once with key and cause, and starts anew after a success', async () => {
    const at: number[] = []
    const { queue, clock, lines, registry } = setUp(() => {
      at.push(clock.monotonic())
      return at.length <= 2 ? Promise.reject(new Error('no quorum', { cause: new Error('etcd') })) : Promise.resolve({})
    })
    queue.add('a/b')
    await clock.advance(10_000)
    expect(at).toEqual([0, 100, 300])
    expect(queue.failures('a/b')).toBe(0)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatchObject({ key: 'a/b', controller: 'models', failures: 2, retryInMs: 200 })
    expect(JSON.stringify(lines[1])).toContain('etcd')
    expect(await registry.getSingleMetricAsString('controller_runtime_reconcile_errors_total')).toContain(' 2')
  })

  test('treats a reconciler that throws at once like one that rejects', async () => {
    const { queue, clock, lines } = setUp(() => {
      throw new Error('bug')
    })
    queue.add('a/b')
    await clock.advance(50)
    expect(lines).toHaveLength(1)
  })

  test('aborts a reconciliation at its deadline and backs off', async () => {
    const reasons: unknown[] = []
    const { queue, clock } = setUp(
      (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason as Error)
          }),
        ),
    )
    queue.add('a/b')
    await clock.advance(1000)
    expect(reasons).toMatchObject([{ code: 'RECONCILE_TIMEOUT' }])
    expect(queue.failures('a/b')).toBe(1)
  })

  test('never works on a key twice at once, also after a deadline that the reconciler ignores', async () => {
    let running = 0
    let most = 0
    const { queue, clock } = setUp(async () => {
      most = Math.max(most, ++running)
      await clock.sleep(3000)
      running--
      return {}
    })
    queue.add('a/b')
    await clock.advance(500)
    queue.add('a/b')
    await clock.advance(10_000)
    expect(most).toBe(1)
  })

  test('works on as many keys at once as it may', async () => {
    const running = new Set<string>()
    const { queue, registry } = setUp(({ name }) => {
      running.add(name)
      return new Promise(() => undefined)
    }, 2)
    for (const key of ['n/a', 'n/b', 'n/c']) queue.add(key)
    await settle()
    expect([...running]).toEqual(['a', 'b'])
    expect(await registry.getSingleMetricAsString('controller_runtime_active_workers')).toContain(' 2')
  })

  test('aborts what runs when it is stopped, and resolves only when that has settled', async () => {
    const events: string[] = []
    const { queue, clock, stop, ended, lines } = setUp(async (_, signal) => {
      await clock.sleep(100_000, signal).catch(() => events.push('aborted'))
      await clock.sleep(10)
      events.push('settled')
      throw new Error('shutdown')
    })
    void ended.then(() => events.push('ended'))
    queue.add('a/b')
    await settle()
    stop.abort()
    await clock.advance(10)
    expect(events).toEqual(['aborted', 'settled', 'ended'])
    expect(lines).toEqual([])
  })
})
