import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { createKubeClient } from '../../operator/kube/client.ts'
import { LeaderElection } from '../../operator/kube/lease.ts'
import { createKubeMetrics } from '../../operator/kube/metrics.ts'
import { configMaps, leases, namespaces } from '../../operator/kube/resource.ts'
import { systemClock } from '../../operator/runtime/clock.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'

const namespace = 'kube-election'
let api: TestClient
beforeAll(async () => {
  api = testClient(inject('kubeconfig'))
  await api.client.create(namespaces, { metadata: { name: namespace } })
})
afterAll(() => api.connection.close())

function replica(identity: string, name: string) {
  const own = testClient(inject('kubeconfig'))
  const election = new LeaderElection({
    client: own.client,
    namespace,
    name,
    identity,
    leaseDurationMs: 3_000,
    renewDeadlineMs: 2_000,
    retryPeriodMs: 300,
    clock: systemClock,
    log: own.log,
    metrics: createKubeMetrics(new Registry()),
  })
  const stop = new AbortController()
  const ended = election.run(stop.signal)
  ended.catch(() => undefined)
  const client = createKubeClient({ transport: own.transport, permitWrite: () => election.permit() })
  return { election, stop, ended, client, connection: own.connection }
}

test('of two replicas one leads; when it stops the other follows, and only the leader can write', async () => {
  const [a, b] = [replica('a', 'graceful'), replica('b', 'graceful')]
  await vi.waitFor(() => expect([a, b].some(({ election }) => election.isLeader)).toBe(true), { timeout: 15_000 })
  const [leader, other] = a.election.isLeader ? [a, b] : [b, a]
  expect(other.election.isLeader).toBe(false)
  const wanted = { metadata: { namespace, name: 'by-the-leader' } }
  await expect(other.client.create(configMaps, wanted)).rejects.toMatchObject({ code: 'NOT_LEADER' })
  await leader.client.create(configMaps, wanted)

  leader.stop.abort(new Error('shutdown'))
  await leader.ended
  await other.election.acquired(AbortSignal.timeout(15_000))
  const wanted2 = { metadata: { namespace, name: 'by-the-former' } }
  await expect(leader.client.create(configMaps, wanted2)).rejects.toMatchObject({ code: 'NOT_LEADER' })
  await other.client.create(configMaps, wanted2)
  expect((await api.client.get(leases, namespace, 'graceful'))?.spec?.leaseTransitions).toBe(1)
  other.stop.abort(new Error('shutdown'))
  await other.ended
  await Promise.all([a.connection.close(), b.connection.close()])
})

test('a leader cut off from the API server stops to lead before the other takes over', async () => {
  const a = replica('a', 'cut-off')
  await a.election.acquired(AbortSignal.timeout(15_000))
  const b = replica('b', 'cut-off')
  await sleep(1_000)
  await a.connection.close()
  const begin = performance.now()
  let lostAt: number | undefined
  while (!b.election.isLeader && performance.now() - begin < 15_000) {
    if (!a.election.isLeader) lostAt ??= performance.now() - begin
    expect(a.election.isLeader && b.election.isLeader).toBe(false)
    await sleep(10)
  }
  expect(b.election.isLeader).toBe(true)
  expect(lostAt).toBeDefined()
  await expect(a.ended).rejects.toMatchObject({ code: 'NOT_LEADER' })
  b.stop.abort(new Error('shutdown'))
  await b.ended
  await b.connection.close()
})
