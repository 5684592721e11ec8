import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { type ManagerOptions, runManager } from './manager.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'

function untilAborted(signal: AbortSignal, end: () => void): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => {
      end()
      resolve()
    }),
  )
}

function setUp(change: Partial<ManagerOptions> = {}) {
  const events: string[] = []
  const clock = new FakeClock()
  const stop = new AbortController()
  const sync = Promise.withResolvers<undefined>()
  const lead = Promise.withResolvers<undefined>()
  const lose = Promise.withResolvers<undefined>()
  const part = (name: string) => ({
    name,
    run: (signal: AbortSignal) => {
      events.push(`${name} runs`)
      return untilAborted(signal, () => events.push(`${name} stops`))
    },
  })
  const result = runManager(
    {
      probes: {
        start: () => {
          events.push('probes start')
          return Promise.resolve({ port: 1 })
        },
        close: () => {
          events.push('probes close')
          return Promise.resolve()
        },
      },
      informers: [{ ...part('informer'), synced: () => sync.promise }],
      election: {
        acquired: () => lead.promise,
        run: (signal) => Promise.race([part('election').run(signal), lose.promise]),
      },
      controllers: [part('controller')],
      clock,
      log: pino({ level: 'silent' }),
      ...change,
    },
    stop.signal,
  )
  return { events, clock, stop, sync, lead, lose, result, part }
}

describe('runManager', () => {
  test('starts in order and waits for the caches and the lease', async () => {
    const { events, sync, lead } = setUp()
    await settle()
    expect(events).toEqual(['probes start', 'informer runs'])
    sync.resolve(undefined)
    await settle()
    expect(events.slice(2)).toEqual(['election runs'])
    lead.resolve(undefined)
    await settle()
    expect(events.slice(3)).toEqual(['controller runs'])
  })

  test('stops in the opposite order, the lease after the controllers', async () => {
    const { events, sync, lead, stop, result } = setUp()
    sync.resolve(undefined)
    lead.resolve(undefined)
    await settle()
    stop.abort()
    expect(await result).toEqual({ exitCode: 0 })
    expect(events.slice(4)).toEqual(['controller stops', 'election stops', 'informer stops', 'probes close'])
  })

  test('aborts the controllers at once when the lease is lost, and exits with 1', async () => {
    const { events, sync, lead, lose, result } = setUp()
    sync.resolve(undefined)
    lead.resolve(undefined)
    await settle()
    lose.reject(new Error('lost'))
    expect(await result).toMatchObject({ exitCode: 1, reason: 'leader election failed', cause: { message: 'lost' } })
    expect(events).toContain('controller stops')
  })

  test('exits with 1 when a controller fails or ends by itself', async () => {
    for (const run of [() => Promise.reject(new Error('bug')), () => Promise.resolve()]) {
      const { sync, lead, result } = setUp({ controllers: [{ name: 'broken', run }] })
      sync.resolve(undefined)
      lead.resolve(undefined)
      expect(await result).toMatchObject({ exitCode: 1, reason: expect.stringContaining('broken') as unknown })
    }
  })

  test('does not give the lease back while a controller still runs, and exits with 1', async () => {
    const stuck = { name: 'stuck', run: () => new Promise<void>(() => undefined) }
    const { events, clock, sync, lead, stop, result } = setUp({ controllers: [stuck], graceMs: 1000 })
    sync.resolve(undefined)
    lead.resolve(undefined)
    await settle()
    stop.abort()
    await clock.advance(1000)
    expect(await result).toMatchObject({ exitCode: 1 })
    expect(events).not.toContain('election stops')
  })

  test('exits with 1 and a cause when the caches do not sync in time', async () => {
    const { clock, result } = setUp({ syncTimeoutMs: 5000 })
    await clock.advance(5000)
    expect(await result).toMatchObject({ exitCode: 1, cause: { code: 'SYNC_TIMEOUT' } })
  })

  test('stops cleanly while it still waits for the lease', async () => {
    const { sync, stop, result, events } = setUp({
      election: {
        acquired: (signal) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        run: (signal) => untilAborted(signal, () => undefined),
      },
    })
    sync.resolve(undefined)
    await settle()
    stop.abort()
    expect(await result).toEqual({ exitCode: 0 })
    expect(events).not.toContain('controller runs')
  })
})
