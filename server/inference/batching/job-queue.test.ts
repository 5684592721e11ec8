import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { JobQueue } from './job-queue.ts'

const work = { seconds: 1, tokens: 1 }
const forever = { deadline: Infinity }
const create = (limit = 10) => new JobQueue<number>({ limit, now: () => performance.now() })
const takeFirst = <Item>(queue: JobQueue<Item>) => {
  const [job] = queue.first(1)
  if (job !== undefined) queue.take(job)
  return job
}
const settled = (promise: Promise<Float32Array>) =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  )

describe('JobQueue', () => {
  test('gives jobs in the order they came', () => {
    const queue = create()
    for (const item of [1, 2, 3]) queue.add(item, forever, work)
    expect([takeFirst(queue)?.item, takeFirst(queue)?.item, takeFirst(queue)?.item, takeFirst(queue)]).toEqual([
      1,
      2,
      3,
      undefined,
    ])
  })

  test('has room up to its limit', () => {
    const queue = create(2)
    expect(queue.hasRoomFor(2)).toBe(true)
    expect(queue.hasRoomFor(3)).toBe(false)
    queue.add(1, forever, work)
    expect(queue.hasRoomFor(2)).toBe(false)
  })

  test('a job past its deadline leaves the queue and its caller is told', async () => {
    vi.useFakeTimers()
    try {
      const queue = create()
      const job = queue.add(1, { deadline: performance.now() + 100 }, work)
      const result = settled(job.result)
      await vi.advanceTimersByTimeAsync(99)
      expect(queue.length).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(queue.length).toBe(0)
      expect(await result).toBe('DeadlineExceeded')
    } finally {
      vi.useRealTimers()
    }
  })

  test('a deadline that has passed already never waits', async () => {
    const queue = create()
    const job = queue.add(1, { deadline: performance.now() - 1 }, work)
    expect(queue.length).toBe(0)
    expect(await settled(job.result)).toBe('DeadlineExceeded')
  })

  test('a job whose caller went away is dropped', async () => {
    const queue = create()
    const controller = new AbortController()
    const job = queue.add(1, { deadline: Infinity, signal: controller.signal }, work)
    const result = settled(job.result)
    controller.abort()
    expect(queue.length).toBe(0)
    expect(await result).toBe('Abandoned')
    expect(await settled(queue.add(2, { deadline: Infinity, signal: controller.signal }, work).result)).toBe(
      'Abandoned',
    )
  })

  test('the caller is answered at its deadline also while the job runs, and the late result changes nothing', async () => {
    const queue = create()
    const job = queue.add(1, { deadline: performance.now() + 20 }, work)
    expect(takeFirst(queue)).toBe(job)
    expect(await settled(job.result)).toBe('DeadlineExceeded')
    job.resolve(Float32Array.of(1))
    expect(await settled(job.result)).toBe('DeadlineExceeded')
  })

  test('a job put back comes first, unless it was settled', () => {
    const queue = create()
    const first = queue.add(1, forever, work)
    queue.add(2, forever, work)
    expect(takeFirst(queue)).toBe(first)
    queue.requeue([first])
    expect(takeFirst(queue)).toBe(first)
    first.resolve(new Float32Array())
    queue.requeue([first])
    expect(takeFirst(queue)?.item).toBe(2)
  })

  test('whatever happens in which order, every job is settled once and only waiting jobs are given out', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const) }),
      fc.record({ kind: fc.constantFrom('take' as const, 'finish' as const, 'requeue' as const) }),
      fc.record({ kind: fc.constant('abort' as const), which: fc.nat(20) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const queue = create(1_000)
        const callers: { controller: AbortController; result: Promise<string> }[] = []
        const running: NonNullable<ReturnType<typeof takeFirst<number>>>[] = []
        for (const { kind, ...rest } of steps) {
          if (kind === 'add') {
            const controller = new AbortController()
            const job = queue.add(
              callers.length,
              { deadline: Infinity, signal: controller.signal },
              { seconds: callers.length / 7, tokens: callers.length },
            )
            callers.push({ controller, result: settled(job.result) })
          } else if (kind === 'take') {
            const job = takeFirst(queue)
            expect(job?.isSettled ?? false).toBe(false)
            if (job !== undefined) running.push(job)
          } else if (kind === 'finish') running.shift()?.resolve(new Float32Array())
          else if (kind === 'requeue') {
            const job = running.pop()
            if (job !== undefined) queue.requeue([job])
          } else callers[('which' in rest ? rest.which : 0) % (callers.length || 1)]?.controller.abort()
        }
        for (const job of running) job.resolve(new Float32Array())
        for (let job = takeFirst(queue); job !== undefined; job = takeFirst(queue)) job.resolve(new Float32Array())
        for (const { result } of callers) expect(['answered', 'Abandoned']).toContain(await result)
        expect([queue.length, queue.work]).toEqual([0, { seconds: 0, tokens: 0 }])
      }),
      { numRuns: 100 },
    )
  })
})
