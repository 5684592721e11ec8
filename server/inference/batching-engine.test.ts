import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fakeRunner } from '../testing/fake-runner.ts'
import { BatchingEngine, type BatchingEngineOptions } from './batching-engine.ts'
import type { CostModel } from './batching/cost-model.ts'
import type { Refusal } from './engine.ts'
import { InferenceError } from './inference-error.ts'
import { ModelFailure, RunnerLost } from './runner.ts'

/** 100 ms a run and 1 ms a token: company pays. */
const cost: CostModel = { seconds: ({ rows, length }) => 0.1 + 0.001 * rows * length }

function start(options: Partial<BatchingEngineOptions> = {}, workers = 1) {
  const runners = Array.from({ length: workers }, fakeRunner)
  const seen = { rejected: [] as Refusal[], runs: [] as { rows: number; tokens: number; paddedTokens: number }[] }
  const engine = new BatchingEngine({
    runners,
    cost,
    queueLimit: 100,
    observer: {
      queued() {},
      inferred({ rows, tokens, paddedTokens }) {
        seen.runs.push({ rows, tokens, paddedTokens })
      },
      rejected: (code) => seen.rejected.push(code),
      workerRestarted() {},
    },
    release: () => Promise.resolve(),
    ...options,
  })
  const [runner = fakeRunner()] = runners
  /** Texts of that first token and of ten tokens, or as many as are asked for. */
  const infer = (id: number, { milliseconds = Infinity, length = 10 } = {}) => {
    const inputIds = new Int32Array(length).fill(7)
    inputIds[0] = id
    return engine.infer([{ inputIds }], { deadline: performance.now() + milliseconds }).then(
      ([logits]) => logits?.[0],
      (error: unknown) => (error instanceof InferenceError ? error.code : error),
    )
  }
  return { engine, runner, runners, seen, infer }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('batches', () => {
  test('a text that finds an idle worker runs at once; what comes meanwhile runs together', async () => {
    const { runner, infer, seen } = start()
    const answers = [1, 2, 3].map((id) => infer(id))
    expect(runner.batches).toEqual([[1]])
    runner.finish()
    await setImmediate()
    expect(runner.batches).toEqual([[1], [2, 3]])
    runner.finish()
    expect(await Promise.all(answers)).toEqual([1, 2, 3])
    expect(seen.runs).toEqual([
      { rows: 1, tokens: 10, paddedTokens: 10 },
      { rows: 2, tokens: 20, paddedTokens: 20 },
    ])
  })

  test('what waits is shared among the workers that are idle', async () => {
    const { engine, runners, infer } = start({}, 2)
    const [first, second] = runners
    const running = [1, 2].map((id) => infer(id))
    const waiting = [3, 4, 5, 6].map((id) => infer(id))
    // Both are idle before either is given anything.
    first?.finish()
    second?.finish()
    await setImmediate()
    expect(runners.map(({ batches }) => batches.at(-1)?.length)).toEqual([2, 2])
    expect(engine.expectedWaitSeconds).toBeGreaterThan(0)
    first?.finish()
    second?.finish()
    expect(await Promise.all([...running, ...waiting])).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('texts whose caller left or whose time is over are in none', async () => {
    const { engine, runner, infer } = start()
    const running = infer(1)
    const late = infer(2, { milliseconds: 500 })
    const caller = new AbortController()
    const gone = engine.infer([{ inputIds: Int32Array.of(3) }], { deadline: Infinity, signal: caller.signal })
    const kept = infer(4)
    caller.abort()
    await expect(gone).rejects.toMatchObject({ code: 'Abandoned' })
    vi.advanceTimersByTime(500)
    expect(await late).toBe('DeadlineExceeded')
    runner.finish()
    await running
    await setImmediate()
    runner.finish()
    expect(await kept).toBe(4)
    expect(runner.batches).toEqual([[1], [4]])
  })
})

describe('a batch that fails', () => {
  test('is run again text by text, so that only the culprit is told', async () => {
    const { runner, infer, engine } = start()
    const first = infer(1)
    const answers = [2, 3, 4].map((id) => infer(id))
    runner.finish()
    await first
    await setImmediate()
    expect(runner.batches.at(-1)).toEqual([2, 3, 4])
    runner.fail(new ModelFailure('the model refused the rows'))
    await setImmediate()
    runner.finish()
    await setImmediate()
    runner.fail(new ModelFailure('the model refused the rows'))
    await setImmediate()
    runner.finish()
    expect(await Promise.all(answers)).toEqual([2, 'InferenceFailed', 4])
    expect(runner.batches.slice(2)).toEqual([[2], [3], [4]])
    expect([engine.queued, engine.tokensInFlight]).toEqual([0, 0])
  })

  test('with its worker is tried once more, text by text: the one over which another worker ends is refused', async () => {
    const { runner, infer } = start()
    const first = infer(1)
    const answers = [2, 3].map((id) => infer(id))
    runner.finish()
    await first
    await setImmediate()
    runner.fail(new RunnerLost('ended'))
    await setImmediate()
    runner.fail(new RunnerLost('ended'))
    await setImmediate()
    runner.finish()
    expect(await Promise.all(answers)).toEqual(['WorkerLost', 3])
  })
})

describe('admission', () => {
  test('is refused where what waits would keep the answer beyond the deadline, with the time to come back', async () => {
    const { engine, runner, infer, seen } = start()
    const admitted = Array.from({ length: 20 }, (_, id) => infer(id))
    // 20 texts of 110 ms each; one of them runs.
    expect(engine.expectedWaitSeconds).toBeCloseTo(2.2, 3)
    const inputIds = new Int32Array(10)
    const ask = (milliseconds: number) => engine.infer([{ inputIds }], { deadline: performance.now() + milliseconds })
    await expect(ask(1_000)).rejects.toMatchObject({ code: 'Overloaded', retryAfterSeconds: 3 })
    expect(() => {
      engine.checkAdmission(1, { deadline: performance.now() + 1_000 })
    }).toThrow('20 texts wait or run, about 2200 ms of work')
    const enough = ask(4_000)
    for (const end = performance.now() + 2_900; performance.now() < end; vi.advanceTimersByTime(100)) {
      if (runner.state === 'busy') runner.finish()
      await setImmediate()
    }
    expect(await Promise.all(admitted)).toEqual(admitted.map((_, id) => id))
    await expect(enough).resolves.toHaveLength(1)
    expect(seen.rejected).toEqual(['Overloaded', 'Overloaded'])
  })

  test('is not refused for its own length where nothing waits', async () => {
    const { runner, infer } = start()
    const answer = infer(1, { milliseconds: 50 })
    runner.finish()
    expect(await answer).toBe(1)
  })

  test('reckons one text with one worker, however many there are', async () => {
    const { engine, runners, infer } = start({}, 4)
    const running = [1, 2, 3, 4].map((id) => infer(id))
    // 110 ms until one of the four is free, 110 ms of its own, and the reserve.
    const inputIds = new Int32Array(10)
    const ask = (milliseconds: number) => engine.infer([{ inputIds }], { deadline: performance.now() + milliseconds })
    await expect(ask(300)).rejects.toMatchObject({ code: 'Overloaded' })
    const admitted = ask(350)
    for (const runner of runners) runner.finish()
    await Promise.all(running)
    await setImmediate()
    for (const runner of runners) if (runner.state === 'busy') runner.finish()
    await expect(admitted).resolves.toHaveLength(1)
  })

  test('a worker that hangs is not counted on, until its run ends after all', async () => {
    const { engine, runner, infer } = start()
    const hanging = infer(1)
    expect(engine.liveWorkers).toBe(1)
    vi.advanceTimersByTime(31_000)
    expect(engine.liveWorkers).toBe(0)
    runner.finish()
    expect(await hanging).toBe(1)
    expect(engine.liveWorkers).toBe(1)
  })

  test('an idle worker takes what a stalled one made look hopeless, so that the stall is forgotten', async () => {
    const { runner, infer } = start()
    const stalled = infer(1)
    vi.advanceTimersByTime(20_000)
    runner.finish()
    await stalled
    const next = infer(2, { milliseconds: 300 })
    runner.finish()
    expect(await next).toBe(2)
  })

  test('learns from what runs really take', async () => {
    const { engine, runner, infer } = start()
    for (let run = 0; run < 100; run++) {
      const answer = infer(run)
      vi.advanceTimersByTime(220)
      runner.finish()
      await answer
    }
    const running = infer(1)
    expect(engine.expectedWaitSeconds).toBeCloseTo(0.22, 2)
    runner.finish()
    await running
    expect(engine.expectedWaitSeconds).toBe(0)
  })

  test('counts the tokens of all that is under way', async () => {
    const { engine, runner, infer } = start()
    const answers = [infer(1), infer(2, { length: 30 })]
    expect(engine.tokensInFlight).toBe(40)
    runner.finish()
    await answers[0]
    expect(engine.tokensInFlight).toBe(30)
    await setImmediate()
    runner.finish()
    await answers[1]
    expect(engine.tokensInFlight).toBe(0)
  })
})

test('close ends when the last that waits leaves by itself, although no worker is there', async () => {
  const { engine, runner, infer } = start()
  const running = infer(1)
  const waiting = infer(2, { milliseconds: 500 })
  const closed = engine.close()
  runner.fail(new RunnerLost('ended'))
  runner.state = 'gone'
  await setImmediate()
  vi.advanceTimersByTime(500)
  expect(await waiting).toBe('DeadlineExceeded')
  runner.state = 'idle'
  engine.wake()
  runner.finish()
  expect(await running).toBe(1)
  await closed
})

test('close without a worker refuses what waits', async () => {
  const { engine, runner, infer } = start()
  runner.state = 'gone'
  const waiting = infer(1)
  await engine.close()
  expect(await waiting).toBe('EngineClosed')
})
