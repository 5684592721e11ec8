import fc from 'fast-check'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createRuntimeMetrics } from './metrics.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'
import { WorkQueue } from './workqueue.ts'

function setUp() {
  const clock = new FakeClock()
  const registry = new Registry()
  const queue = new WorkQueue({
    name: 'test',
    clock,
    metrics: createRuntimeMetrics(registry),
    backoff: { initialMs: 100, maxMs: 1000, jitter: 0 },
  })
  return { clock, registry, queue }
}

async function taken(queue: WorkQueue): Promise<string | undefined> {
  return queue.depth > 0 ? queue.take() : undefined
}

describe('WorkQueue', () => {
  test('gives keys in the order in which they became ready', async () => {
    const { queue } = setUp()
    queue.add('b')
    queue.add('a')
    expect([await queue.take(), await queue.take()]).toEqual(['b', 'a'])
  })

  test('holds a key once, however often it is added', async () => {
    const { queue } = setUp()
    for (let i = 0; i < 3; i++) queue.add('a')
    expect(queue.depth).toBe(1)
    queue.done((await queue.take()) ?? '')
    expect(queue.depth).toBe(0)
  })

  test('hands a key to who already waits', async () => {
    const { queue } = setUp()
    const waiting = queue.take()
    queue.add('a')
    expect(await waiting).toBe('a')
  })

  test('does not give a key before its time', async () => {
    const { queue, clock } = setUp()
    queue.addAfter('a', 1000)
    await clock.advance(999)
    expect(queue.depth).toBe(0)
    await clock.advance(1)
    expect(await taken(queue)).toBe('a')
  })

  test('lets the earliest of several times win, added before or after', async () => {
    const { queue, clock } = setUp()
    queue.addAfter('a', 1000)
    queue.addAfter('a', 500)
    queue.addAfter('a', 2000)
    expect(queue.delayed).toBe(1)
    await clock.advance(500)
    expect(await taken(queue)).toBe('a')
    queue.done('a')
    await clock.advance(5000)
    expect(queue.depth).toBe(0)
  })

  test('lets an immediate add overrule a time', async () => {
    const { queue, clock } = setUp()
    queue.addAfter('a', 1000)
    queue.add('a')
    expect(queue.depth).toBe(1)
    queue.done((await queue.take()) ?? '')
    await clock.advance(2000)
    expect(queue.depth).toBe(0)
  })

  test('holds back a key that is being worked on, and gives it again when done', async () => {
    const { queue } = setUp()
    queue.add('a')
    await queue.take()
    queue.add('a')
    queue.add('a')
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(queue.depth).toBe(1)
  })

  test('holds back a key whose time comes while it is being worked on', async () => {
    const { queue, clock } = setUp()
    queue.add('a')
    await queue.take()
    queue.addAfter('a', 10)
    await clock.advance(20)
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(queue.depth).toBe(1)
  })

  test('does not hold back other keys behind one that is being worked on', async () => {
    const { queue } = setUp()
    queue.add('a')
    await queue.take()
    queue.add('a')
    queue.add('b')
    expect(await taken(queue)).toBe('b')
  })

  test('backs off per key, exponentially up to the maximum, and forgets', async () => {
    const { queue, registry } = setUp()
    expect([0, 1, 2, 3, 4].map(() => queue.addRateLimited('a'))).toEqual([100, 200, 400, 800, 1000])
    expect(queue.addRateLimited('b')).toBe(100)
    queue.forget('a')
    expect(queue.failures('a')).toBe(0)
    expect(queue.addRateLimited('a')).toBe(100)
    expect(await registry.getSingleMetricAsString('workqueue_retries_total')).toContain('{name="test"} 7')
  })

  test('gives undefined to everyone after shutdown and takes nothing more', async () => {
    const { queue, clock } = setUp()
    const waiting = queue.take()
    queue.addAfter('late', 10)
    queue.shutdown()
    queue.add('a')
    await clock.advance(20)
    expect([await waiting, await queue.take(), queue.depth, queue.delayed]).toEqual([undefined, undefined, 0, 0])
  })

  test('refuses done for a key that nobody took', () => {
    expect(() => setUp().queue.done('a')).toThrow('a is done, but nobody took it')
  })

  test('reports depth and durations', async () => {
    const { queue, clock, registry } = setUp()
    queue.add('a')
    expect(await registry.getSingleMetricAsString('workqueue_depth')).toContain('{name="test"} 1')
    await clock.advance(2000)
    await queue.take()
    await clock.advance(3000)
    queue.done('a')
    expect(await registry.getSingleMetricAsString('workqueue_queue_duration_seconds')).toContain('_sum{name="test"} 2')
    expect(await registry.getSingleMetricAsString('workqueue_work_duration_seconds')).toContain('_sum{name="test"} 3')
  })

  test('never gives a key twice at once, and never loses one, whatever happens', async () => {
    const key = fc.constantFrom('a', 'b', 'c')
    const command = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key }),
      fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ do: fc.constant('fail' as const), key }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('done' as const), key }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { queue, clock } = setUp()
        const running = new Set<string>()
        /** Keys that were asked for after they were last taken: each must still come. */
        const owed = new Set<string>()
        const take = async () => {
          const next = await taken(queue)
          if (next === undefined) return false
          expect(running).not.toContain(next)
          running.add(next)
          owed.delete(next)
          return true
        }
        for (const step of commands) {
          if ('key' in step && step.do !== 'done') owed.add(step.key)
          if (step.do === 'add') queue.add(step.key)
          if (step.do === 'addAfter') queue.addAfter(step.key, step.ms)
          if (step.do === 'fail') queue.addRateLimited(step.key)
          if (step.do === 'take') await take()
          if (step.do === 'done' && running.delete(step.key)) queue.done(step.key)
          if (step.do === 'advance') await clock.advance(step.ms)
        }
        for (let round = 0; round < 3; round++) {
          await clock.advance(5000)
          for (const key of running) queue.done(key)
          running.clear()
          while (await take());
        }
        expect([...owed]).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  test('wakes the key of an earlier time although a later one was planned, for all pairs of times', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 }), async (times) => {
        const { queue, clock } = setUp()
        for (const ms of times) queue.addAfter('a', ms)
        const earliest = Math.min(...times)
        await clock.advance(earliest - 1)
        expect(queue.depth).toBe(0)
        await clock.advance(1)
        expect(queue.depth).toBe(1)
        await settle()
      }),
      { numRuns: 50 },
    )
  })
})
