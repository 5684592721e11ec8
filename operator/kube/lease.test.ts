import { pino } from 'pino'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { FakeClock, settle } from '../runtime/testing/fake-clock.ts'
import { ApiError, ConnectionError } from './api-error.ts'
import { LeaderElection, type LeaderElectionOptions } from './lease.ts'
import { createKubeMetrics } from './metrics.ts'
import type { Live } from './object.ts'
import type { Lease } from './resource.ts'

/** One Lease in memory, with the server's optimistic concurrency; `network` can be cut per replica. */
class Server {
  lease: Live<Lease> | undefined
  #version = 0

  clientOf(network: { isUp: boolean; hangs: boolean }): LeaderElectionOptions['client'] {
    const reach = async () => {
      if (network.hangs) await new Promise(() => undefined)
      if (!network.isUp) throw new ConnectionError('KUBE_CONNECTION', 'no route to host')
    }
    const store = (object: Lease) => {
      const metadata = { ...object.metadata, uid: 'u', creationTimestamp: '', resourceVersion: String(++this.#version) }
      this.lease = { ...object, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata }
      return this.lease
    }
    return {
      get: async () => {
        await reach()
        return this.lease as never
      },
      create: async (_, object) => {
        await reach()
        if (this.lease) throw new ApiError('exists', { status: 409, reason: 'AlreadyExists' })
        return store(object) as never
      },
      replace: async (_, object) => {
        await reach()
        if (object.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
          throw new ApiError('modified', { status: 409, reason: 'Conflict' })
        return store(object) as never
      },
    }
  }
}

function replica(identity: string, server: Server, clock: FakeClock) {
  const network = { isUp: true, hangs: false }
  const registry = new Registry()
  const election = new LeaderElection({
    client: server.clientOf(network),
    namespace: 'valence',
    name: 'operator',
    identity,
    clock,
    log: pino({ level: 'silent' }),
    metrics: createKubeMetrics(registry),
  })
  const stop = new AbortController()
  const result: { error?: unknown; isDone?: boolean } = {}
  const start = () =>
    void election.run(stop.signal).then(
      () => (result.isDone = true),
      (error: unknown) => (result.error = error),
    )
  return { election, network, stop, start, result, registry }
}

function setUp() {
  const server = new Server()
  const clock = new FakeClock()
  const [a, b] = [replica('a', server, clock), replica('b', server, clock)]
  return { server, clock, a, b }
}

describe('LeaderElection', () => {
  test('makes exactly one of two the leader, and keeps it', async () => {
    const { server, clock, a, b } = setUp()
    a.start()
    await settle()
    b.start()
    await clock.advance(120_000)
    expect([a.election.isLeader, b.election.isLeader]).toEqual([true, false])
    expect(b.election.holder).toBe('a')
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
    expect(() => b.election.permit()).toThrow('b does not hold the lease')
    expect(a.election.permit().aborted).toBe(false)
    expect(await a.registry.getSingleMetricAsString('leader_election_master_status')).toContain('{name="operator"} 1')
    expect(await b.registry.getSingleMetricAsString('leader_election_master_status')).toContain('{name="operator"} 0')
  })

  test('lets the other take over at once when the leader stops gracefully', async () => {
    const { server, clock, a, b } = setUp()
    a.start()
    await settle()
    b.start()
    await clock.advance(5_000)
    const permit = a.election.permit()
    a.stop.abort(new Error('shutdown'))
    await settle()
    expect(a.result.isDone).toBe(true)
    expect(permit.aborted).toBe(true)
    expect(server.lease?.spec?.holderIdentity).toBe('')
    await clock.advance(3_000)
    expect(b.election.isLeader).toBe(true)
    expect(server.lease?.spec?.leaseTransitions).toBe(1)
  })

  test.each([{ isUp: false }, { hangs: true }])(
    'stops the leader that can not renew before the other takes over (%o)',
    async (fault) => {
      const { clock, a, b } = setUp()
      a.start()
      await settle()
      b.start()
      await clock.advance(20_000)
      const permit = a.election.permit()
      Object.assign(a.network, fault)
      const begin = clock.monotonic()
      let lostAt = Infinity
      let takenAt = Infinity
      for (let i = 0; i < 400; i++) {
        await clock.advance(100)
        expect(a.election.isLeader && b.election.isLeader).toBe(false)
        if (!a.election.isLeader) lostAt = Math.min(lostAt, clock.monotonic() - begin)
        if (b.election.isLeader) takenAt = Math.min(takenAt, clock.monotonic() - begin)
      }
      expect(lostAt).toBeLessThanOrEqual(10_000)
      expect(takenAt).toBeGreaterThan(lostAt + 2_000)
      expect(takenAt).toBeLessThan(20_000)
      expect(permit.aborted).toBe(true)
      expect(a.result.error).toMatchObject({ code: 'NOT_LEADER' })
    },
  )

  test('survives errors that are shorter than its renew deadline', async () => {
    const { clock, a } = setUp()
    a.start()
    await clock.advance(5_000)
    a.network.isUp = false
    await clock.advance(6_000)
    a.network.isUp = true
    await clock.advance(60_000)
    expect(a.election.isLeader).toBe(true)
  })

  test('has no permit after the process was suspended, although nothing has told it yet', async () => {
    const { clock, a } = setUp()
    a.start()
    await settle()
    const permitted = () => a.election.permit()
    expect(permitted).not.toThrow()
    // Time passes and none of our timers has run.
    const monotonic = clock.monotonic()
    clock.monotonic = () => monotonic + 11_000
    expect(permitted).toThrow('does not hold the lease')
    expect(a.election.isLeader).toBe(false)
    await settle()
  })

  test('stops at once when another has taken the lease all the same', async () => {
    const { server, clock, a } = setUp()
    a.start()
    await clock.advance(5_000)
    const lease = server.lease as Live<Lease>
    await server
      .clientOf({ isUp: true, hangs: false })
      .replace({ group: '', version: '', kind: '', plural: '', namespaced: true }, {
        ...lease,
        spec: { ...lease.spec, holderIdentity: 'thief' },
      } as never)
    await clock.advance(2_000)
    expect(a.result.error).toMatchObject({ message: 'a has lost the lease to thief' })
    expect(a.election.isLeader).toBe(false)
  })

  test('does not trust the times in the lease of another, whose clock may be wrong', async () => {
    const { server, clock, a, b } = setUp()
    a.start()
    await settle()
    const lease = server.lease as Live<Lease>
    server.lease = { ...lease, spec: { ...lease.spec, renewTime: '2001-01-01T00:00:00.000000Z' } }
    b.start()
    await settle()
    expect(b.election.isLeader).toBe(false)
    await clock.advance(1_000)
    expect(b.election.isLeader).toBe(false)
  })

  test('ends without a lease when stopped while it waits', async () => {
    const { server, clock, a, b } = setUp()
    a.start()
    await settle()
    b.start()
    await clock.advance(1_000)
    b.stop.abort(new Error('shutdown'))
    await settle()
    expect(b.result.isDone).toBe(true)
    expect(server.lease?.spec?.holderIdentity).toBe('a')
  })

  test('refuses times under which two could lead at once', () => {
    const { server, clock } = setUp()
    const options = {
      client: server.clientOf({ isUp: true, hangs: false }),
      namespace: 'n',
      name: 'l',
      identity: 'a',
      clock,
      log: pino({ level: 'silent' }),
      metrics: createKubeMetrics(new Registry()),
    }
    expect(() => new LeaderElection({ ...options, renewDeadlineMs: 15_000 })).toThrow(/lease duration > renew deadline/)
  })
})
