import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { createEventRecorder } from '../../operator/kube/events.ts'
import {
  type ConfigMap,
  configMaps,
  deployments,
  events,
  jobs,
  namespaces,
  pods,
  serviceMonitors,
} from '../../operator/kube/resource.ts'
import { FakeClock } from '../../operator/runtime/testing/fake-clock.ts'
import { kubeconfig } from './support/api-server.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'

const namespace = 'kube-client'
let api: TestClient
beforeAll(async () => {
  api = testClient(inject('kubeconfig'))
  await api.client.create(namespaces, { metadata: { name: namespace } })
})
afterAll(() => api.connection.close())

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace, name }, data }
}
const make = (name: string) => api.client.create(configMaps, configMap(name))

describe('the client on a real API server', () => {
  test('applies a Job of plain JSON and reads its dates as strings', async () => {
    const job = await api.client.apply(
      jobs,
      {
        metadata: { namespace, name: 'train', labels: { app: 'x' } },
        spec: {
          backoffLimit: 0,
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
        },
      },
      { fieldManager: 'valence', force: true },
    )
    expect(job.metadata.creationTimestamp).toMatch(/^20\d\d-.*Z$/)
    expect(job.spec?.template.spec?.containers[0]?.name).toBe('c')
    const status = { succeeded: 1 }
    const written = await api.client.apply(
      jobs,
      { metadata: { namespace, name: 'train' }, status },
      { fieldManager: 'valence-status', force: true, subresource: 'status' },
    )
    expect(written.status?.succeeded).toBe(1)
  })

  test('gives up a field that it no longer applies, and keeps those of others', async () => {
    const mine = { fieldManager: 'mine', force: true }
    await api.client.apply(configMaps, configMap('shared', { a: '1', b: '1' }), mine)
    await api.client.apply(configMaps, configMap('shared', { c: '1' }), { fieldManager: 'theirs', force: true })
    const left = await api.client.apply(configMaps, configMap('shared', { a: '1' }), mine)
    expect(left.data).toEqual({ a: '1', c: '1' })
  })

  test('takes a field from another manager only by force', async () => {
    await api.client.apply(configMaps, configMap('fought', { a: '1' }), { fieldManager: 'theirs', force: true })
    const mild = api.client.apply(configMaps, configMap('fought', { a: '2' }), { fieldManager: 'mine', force: false })
    await expect(mild).rejects.toMatchObject({ status: 409, causes: [{ field: '.data.a' }] })
    const forced = await api.client.apply(configMaps, configMap('fought', { a: '2' }), {
      fieldManager: 'mine',
      force: true,
    })
    expect(forced.data).toEqual({ a: '2' })
  })

  test('changes nothing in a dry run', async () => {
    await api.client.apply(configMaps, configMap('dry'), { fieldManager: 'mine', force: true, dryRun: true })
    expect(await api.client.get(configMaps, namespace, 'dry')).toBeUndefined()
  })

  test('names the field of an invalid object and of an unknown field', async () => {
    const wrong = { metadata: { namespace, name: 'wrong' }, spec: { replicas: -1, selector: {}, template: {} } }
    await expect(api.client.create(deployments, wrong as never)).rejects.toMatchObject({
      status: 422,
      reason: 'Invalid',
      causes: expect.arrayContaining([expect.objectContaining({ field: 'spec.replicas' })]) as unknown,
    })
    const unknown = { ...configMap('unknown'), dota: {} }
    await expect(api.client.create(configMaps, unknown)).rejects.toThrow(/unknown field "dota"/)
  })

  test('tells what remains of a deleted object that a finalizer holds', async () => {
    const held = configMap('held')
    held.metadata.finalizers = ['test.dev/hold']
    const { uid } = (await api.client.create(configMaps, held)).metadata
    const deleted = await api.client.delete(configMaps, namespace, 'held', { preconditions: { uid } })
    expect(deleted).toMatchObject({ outcome: 'deleted', remaining: { metadata: { uid } } })
    await api.client.jsonPatch(configMaps, namespace, 'held', [{ op: 'remove', path: '/metadata/finalizers' }])
  })

  test('lists in pages, by label and over all namespaces', async () => {
    for (let i = 0; i < 3; i++)
      await api.client.create(pods, {
        metadata: { namespace, name: `p-${i}`, labels: { i: String(i % 2) } },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      })
    const { items } = await api.client.list(pods, { namespace, labelSelector: 'i=0' })
    expect(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Pod p-0', 'Pod p-2'])
    expect((await api.client.list(pods, { fieldSelector: 'metadata.name=p-1' })).items).toHaveLength(1)
  })

  test('knows the version, and which resources there are', async () => {
    const version = await api.client.serverVersion()
    expect(version.major).toBe(1)
    expect(version.minor).toBeGreaterThanOrEqual(31)
    const found = [configMaps, jobs, serviceMonitors, { ...jobs, plural: 'jibs' }].map((r) => api.client.hasResource(r))
    expect(await Promise.all(found)).toEqual([true, true, false, false])
  })

  test('is refused what its user may not do, in words', async () => {
    const { url, caPath, tokens } = inject('apiServer')
    const directory = await mkdtemp(join(tmpdir(), 'limited-'))
    await writeFile(join(directory, 'config'), kubeconfig(url, caPath, tokens.limited))
    const limited = testClient(join(directory, 'config'))
    await expect(limited.client.list(pods, { namespace })).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
      message: expect.stringContaining('User "limited" cannot list resource "pods"') as unknown,
    })
    await limited.connection.close()
    await rm(directory, { recursive: true })
  })
})

describe('events', () => {
  const recorder = (clock = new FakeClock(Date.now())) => ({
    clock,
    ...createEventRecorder({
      client: api.client,
      reportingController: 'valence.dev/operator',
      reportingInstance: 'operator-0',
      clock,
      log: api.log,
    }),
  })
  const of = async (name: string) =>
    (await api.client.list(events, { namespace })).items.filter(({ regarding }) => regarding?.name === name)

  test('are written once, and repeats become their series', async () => {
    const { record, flush, clock } = recorder()
    const regarding = await make('eventful')
    const event = {
      regarding,
      type: 'Warning' as const,
      reason: 'Blocked',
      action: 'Train',
      note: 'no GPU: ä'.repeat(300),
    }
    for (let i = 0; i < 5; i++) record(event)
    record({ ...event, reason: 'Other' })
    await flush()
    const [first, other] = (await of('eventful')).sort((a, b) => (a.reason ?? '').localeCompare(b.reason ?? ''))
    expect(first).toMatchObject({
      reason: 'Blocked',
      type: 'Warning',
      series: { count: 5 },
      regarding: { kind: 'ConfigMap' },
    })
    expect(Buffer.byteLength(first?.note ?? '')).toBeLessThanOrEqual(1024)
    expect(other?.reason).toBe('Other')
    expect(other?.series).toBeUndefined()

    await clock.advance(61_000)
    record(event)
    await flush()
    await vi.waitFor(async () => expect((await of('eventful')).map(({ series }) => series?.count)).toContain(6))
    await clock.advance(10 * 60_000)
    record(event)
    await flush()
    expect((await of('eventful')).filter(({ reason }) => reason === 'Blocked')).toHaveLength(2)
  })

  test('that can not be written neither throw nor hold up the next', async () => {
    const { record, flush } = recorder()
    const regarding = await make('quiet')
    record({ regarding, type: 'Normal', reason: '', action: 'Train', note: 'refused: no reason' })
    record({ regarding, type: 'Normal', reason: 'Fine', action: 'Train', note: 'ok' })
    await flush()
    expect((await of('quiet')).map(({ reason }) => reason)).toEqual(['Fine'])
  })
})
