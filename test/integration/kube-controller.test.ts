import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { createKubeClient } from '../../operator/kube/client.ts'
import { createInformer } from '../../operator/kube/informer.ts'
import { LeaderElection } from '../../operator/kube/lease.ts'
import { keyOf } from '../../operator/kube/object.ts'
import { configMaps, leases, namespaces } from '../../operator/kube/resource.ts'
import { systemClock as clock } from '../../operator/runtime/clock.ts'
import { runController } from '../../operator/runtime/controller.ts'
import { runManager } from '../../operator/runtime/manager.ts'
import { createRuntimeMetrics } from '../../operator/runtime/metrics.ts'
import { createProbeServer } from '../../operator/runtime/probes.ts'
import { WorkQueue } from '../../operator/runtime/workqueue.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'

const namespace = 'kube-controller'
let api: TestClient
beforeAll(async () => {
  api = testClient(inject('kubeconfig'))
  await api.client.create(namespaces, { metadata: { name: namespace } })
})
afterAll(() => api.connection.close())

/** The smallest operator made of our parts: every ConfigMap with the label `copy` gets a copy that it owns. */
function startCopier(name: string) {
  const { transport, log, metrics: kubeMetrics, registry, connection } = testClient(inject('kubeconfig'))
  const election = new LeaderElection({
    client: createKubeClient({ transport }),
    ...{ namespace, name: 'copier', identity: name, clock, log, metrics: kubeMetrics },
  })
  const client = createKubeClient({ transport, permitWrite: () => election.permit() })
  const metrics = createRuntimeMetrics(registry)
  const queue = new WorkQueue({ name: 'copier', clock, metrics })
  const informer = createInformer({ transport, resource: configMaps, namespace, clock, log, metrics: kubeMetrics })
  informer.cache.onChange(({ object }) => {
    if (object.metadata.labels?.['copy'] !== undefined) queue.add(keyOf(object))
    for (const owner of object.metadata.ownerReferences ?? []) queue.add(`${namespace}/${owner.name}`)
  })
  const writes: string[] = []
  const reconcile = async (request: { namespace: string; name: string }, signal: AbortSignal) => {
    const source = informer.cache.get(request.namespace, request.name)
    if (!source) return {}
    const wanted = source.data?.['text'] ?? ''
    const [copy] = informer.cache.ownedBy(source.metadata.uid)
    if (copy?.data?.['text'] === wanted) return {}
    const { uid } = source.metadata
    const metadata = {
      ...{ namespace, name: `${request.name}-copy` },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: request.name, uid, controller: true }],
    }
    const options = { fieldManager: 'copier', force: true }
    writes.push(wanted)
    informer.cache.observeWrite(await client.apply(configMaps, { metadata, data: { text: wanted } }, options, signal))
    return {}
  }
  const probes = createProbeServer({
    ...{ port: 0, host: '127.0.0.1', registry, clock },
    readyChecks: {
      caches: () => {
        if (informer.staleMs() > 180_000) throw new Error(`nothing heard for ${informer.staleMs()} ms`)
      },
    },
  })
  const stop = new AbortController()
  const result = runManager(
    {
      probes,
      informers: [informer],
      election,
      controllers: [
        {
          name: 'copier',
          run: (signal) =>
            runController(
              { name: 'copier', queue, reconcile, concurrency: 4, deadlineMs: 10_000, clock, log, metrics },
              signal,
            ),
        },
      ],
      clock,
      log,
    },
    stop.signal,
  )
  return { stop, result, writes, election, close: () => connection.close(), registry }
}

test('an operator made of these parts converges, writes once per change, and hands over on a stop', async () => {
  const label = { copy: '' }
  const make = (name: string) =>
    api.client.create(configMaps, { metadata: { namespace, name, labels: label }, data: { text: '1' } })
  const copyOf = async (name: string) => (await api.client.get(configMaps, namespace, `${name}-copy`))?.data?.['text']

  await make('before')
  const a = startCopier('a')
  await vi.waitFor(() => expect(a.election.isLeader).toBe(true), { timeout: 10_000 })
  const b = startCopier('b')
  await make('after')
  await vi.waitFor(async () => expect([await copyOf('before'), await copyOf('after')]).toEqual(['1', '1']), {
    timeout: 20_000,
  })
  expect(a.writes).toEqual(['1', '1'])

  await api.client.mergePatch(configMaps, namespace, 'after', { data: { text: '2' } })
  await vi.waitFor(async () => expect(await copyOf('after')).toBe('2'), { timeout: 20_000 })
  // A copy that someone damages is repaired.
  await api.client.mergePatch(configMaps, namespace, 'after-copy', { data: { text: 'damaged' } })
  await vi.waitFor(async () => expect(await copyOf('after')).toBe('2'), { timeout: 20_000 })
  expect(a.writes).toEqual(['1', '1', '2', '2'])
  expect(await a.registry.getSingleMetricAsString('controller_runtime_reconcile_total')).toMatch(/result="success"} \d/)
  expect(b.writes).toEqual([])

  a.stop.abort(new Error('SIGTERM'))
  expect(await a.result).toEqual({ exitCode: 0 })
  await vi.waitFor(() => expect(b.election.isLeader).toBe(true), { timeout: 20_000 })
  expect((await api.client.get(leases, namespace, 'copier'))?.spec?.holderIdentity).toBe('b')
  await api.client.mergePatch(configMaps, namespace, 'before', { data: { text: '3' } })
  await vi.waitFor(async () => expect(await copyOf('before')).toBe('3'), { timeout: 20_000 })
  expect([a.writes.length, b.writes]).toEqual([4, ['3']])
  b.stop.abort(new Error('SIGTERM'))
  expect(await b.result).toEqual({ exitCode: 0 })
  await Promise.all([a.close(), b.close()])
})
