import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { createInformer, type Informer } from '../../operator/kube/informer.ts'
import {
  configMaps,
  type ConfigMap,
  deployments,
  endpointSlices,
  jobs,
  leases,
  namespaces,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  replicaSets,
  secrets,
  services,
} from '../../operator/kube/resource.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import type { Resource } from '../../operator/kube/resource.ts'
import { systemClock } from '../../operator/runtime/clock.ts'
import { type ApiServer, startApiServer } from './support/api-server.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'

const namespace = 'kube-informer'
let api: TestClient
const stops: AbortController[] = []

beforeAll(async () => {
  api = testClient(inject('kubeconfig'))
  await api.client.create(namespaces, { metadata: { name: namespace } })
})
afterEach(() => stops.splice(0).forEach((stop) => stop.abort(new Error('test ends'))))
afterAll(() => api.connection.close())

function inform<T extends KubeObject>(
  resource: Resource<T>,
  options: { pageSize?: number; labelSelector?: string; watchSeconds?: number } = {},
  on: TestClient = api,
): Informer<T> & { changes: string[] } {
  const { transport, log, metrics } = on
  const informer = createInformer({ transport, resource, namespace, clock: systemClock, log, metrics, ...options })
  const changes: string[] = []
  informer.cache.onChange(({ type, object }) => void changes.push(`${type} ${object.metadata.name}`))
  const stop = new AbortController()
  stops.push(stop)
  void informer.run(stop.signal)
  return { ...informer, changes }
}

function configMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace, name, labels }, data }
}

describe('an informer on a real API server', () => {
  test('lists all pages, then follows every change', async () => {
    const label = { test: 'pages' }
    for (let i = 0; i < 7; i++) await api.client.create(configMaps, configMap(`page-${i}`, {}, label))
    const informer = inform(configMaps, { pageSize: 3, labelSelector: 'test=pages' })
    await informer.synced(AbortSignal.timeout(10_000))
    expect(informer.cache.size).toBe(7)
    expect(informer.cache.get(namespace, 'page-3')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    informer.changes.length = 0

    const made = await api.client.create(configMaps, configMap('page-new', { a: 'ä€😀' }, label))
    await vi.waitFor(() => expect(informer.cache.get(namespace, 'page-new')?.data).toEqual({ a: 'ä€😀' }))
    await api.client.mergePatch(configMaps, namespace, 'page-new', { data: { a: '2' } })
    await vi.waitFor(() => expect(informer.cache.get(namespace, 'page-new')?.data).toEqual({ a: '2' }))
    await api.client.delete(configMaps, namespace, 'page-new', { preconditions: { uid: made.metadata.uid } })
    await vi.waitFor(() => expect(informer.cache.get(namespace, 'page-new')).toBeUndefined())
    expect(informer.changes).toEqual(['added page-new', 'updated page-new', 'deleted page-new'])
    expect(informer.staleMs()).toBeLessThan(5_000)
  })

  test('tells an object that leaves the selection as deleted', async () => {
    const informer = inform(configMaps, { labelSelector: 'test=leaves' })
    await informer.synced(AbortSignal.timeout(10_000))
    await api.client.create(configMaps, configMap('leaver', {}, { test: 'leaves' }))
    await vi.waitFor(() => expect(informer.cache.size).toBe(1))
    await api.client.mergePatch(configMaps, namespace, 'leaver', { metadata: { labels: { test: null } } })
    await vi.waitFor(() => expect(informer.cache.size).toBe(0))
  })

  test('goes on without a gap when the server ends the watch', async () => {
    const informer = inform(configMaps, { labelSelector: 'test=ends', watchSeconds: 1 })
    await informer.synced(AbortSignal.timeout(10_000))
    for (let i = 0; i < 12; i++) {
      await api.client.create(configMaps, configMap(`ends-${i}`, {}, { test: 'ends' }))
      await systemClock.sleep(250)
    }
    await vi.waitFor(() => expect(informer.changes).toEqual(Array.from({ length: 12 }, (_, i) => `added ends-${i}`)))
  })

  test('shows a write at once, and does not fall back to what the watch tells late', async () => {
    const informer = inform(configMaps, { labelSelector: 'test=own' })
    await informer.synced(AbortSignal.timeout(10_000))
    for (let i = 0; i < 20; i++) {
      const written = await api.client.apply(configMaps, configMap('own', { i: String(i) }, { test: 'own' }), {
        fieldManager: 'test',
        force: true,
      })
      informer.cache.observeWrite(written)
      for (let turn = 0; turn < 3; turn++) {
        expect(informer.cache.get(namespace, 'own')?.data?.['i']).toBe(String(i))
        await systemClock.sleep(1)
      }
    }
    const uid = informer.cache.get(namespace, 'own')?.metadata.uid ?? ''
    await api.client.delete(configMaps, namespace, 'own', { preconditions: { uid } })
    informer.cache.observeDelete({ metadata: { namespace, name: 'own', uid } })
    for (let turn = 0; turn < 20; turn++) {
      expect(informer.cache.get(namespace, 'own')).toBeUndefined()
      await systemClock.sleep(2)
    }
    expect(informer.changes.filter((change) => change.startsWith('added'))).toEqual(['added own'])
  })

  test('finds objects by owner', async () => {
    const informer = inform(configMaps, { labelSelector: 'test=owned' })
    const owner = await api.client.create(configMaps, configMap('owner'))
    const { uid, name } = owner.metadata
    const owned = configMap('owned', {}, { test: 'owned' })
    owned.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }]
    await api.client.create(configMaps, owned)
    await vi.waitFor(() => expect(informer.cache.ownedBy(uid).map(({ metadata }) => metadata.name)).toEqual(['owned']))
  })

  test('carries a dozen watches and the requests over at most four connections', async () => {
    const all = [configMaps, deployments, endpointSlices, jobs, leases, persistentVolumeClaims, podDisruptionBudgets]
    const more = [pods, replicaSets, secrets, services]
    const own = testClient(inject('kubeconfig'))
    const before = await openConnections(own)
    const informers = [...all, ...more].map((resource) => inform(resource as Resource, {}, own))
    await Promise.all(informers.map((informer) => informer.synced(AbortSignal.timeout(20_000))))
    await Promise.all(Array.from({ length: 20 }, (_, i) => own.client.get(configMaps, namespace, `page-${i}`)))
    await own.client.create(configMaps, configMap('seen-by-h2'))
    await vi.waitFor(() => expect(informers[0]?.cache.get(namespace, 'seen-by-h2')).toBeDefined())
    const opened = (await openConnections(own)) - before
    expect(opened).toBeGreaterThanOrEqual(2)
    expect(opened).toBeLessThanOrEqual(4)
    stops.splice(0).forEach((stop) => stop.abort(new Error('test ends')))
    await own.connection.close()
  })
})

describe('an informer while its API server goes away', () => {
  let server: ApiServer
  beforeAll(async () => (server = await startApiServer()))
  afterAll(() => server.stop())

  test('comes back by itself and has missed nothing', async () => {
    const own = testClient(server.kubeconfigPath)
    await own.client.create(namespaces, { metadata: { name: namespace } })
    await own.client.create(configMaps, configMap('before'))
    const informer = inform(configMaps, {}, own)
    await informer.synced(AbortSignal.timeout(10_000))
    await server.restart()
    await own.client.create(configMaps, configMap('after'))
    await vi.waitFor(() => expect(informer.cache.get(namespace, 'after')).toBeDefined(), { timeout: 30_000 })
    expect(informer.cache.get(namespace, 'before')).toBeDefined()
    expect(informer.changes.filter((change) => change === 'added before')).toHaveLength(1)
    stops.splice(0).forEach((stop) => stop.abort(new Error('test ends')))
    await own.connection.close()
  })
})

/** Established TCP connections of this process to the API server. */
async function openConnections({ connection }: TestClient): Promise<number> {
  const { readdir, readFile, readlink } = await import('node:fs/promises')
  const inodes = new Set(
    await Promise.all(
      (await readdir('/proc/self/fd')).map(async (fd) => {
        const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '')
        return /^socket:\[(\d+)\]$/.exec(target)?.[1]
      }),
    ),
  )
  const port = Number(connection.server.port).toString(16).toUpperCase().padStart(4, '0')
  const rows = (await readFile('/proc/self/net/tcp', 'utf8')).split('\n').map((row) => row.trim().split(/\s+/))
  return rows.filter(([, , remote, state, , , , , , inode]) => {
    return state === '01' && remote?.endsWith(`:${port}`) === true && inodes.has(inode)
  }).length
}
