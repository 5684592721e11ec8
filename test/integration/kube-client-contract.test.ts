import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKubeClient, type KubeClient } from '../../operator/kube/client.ts'
import { connect } from '../../operator/kube/connection.ts'
import { createKubeMetrics } from '../../operator/kube/metrics.ts'
import { configMaps, namespaces } from '../../operator/kube/resource.ts'
import { FakeApiServer } from '../../operator/kube/testing/fake-api-server.ts'
import { createTransport, type Transport } from '../../operator/kube/transport.ts'
import { watch } from '../../operator/kube/watch.ts'
import { systemClock } from '../../operator/runtime/clock.ts'
import { testClient } from './support/kube-test-client.ts'

interface Side {
  client: KubeClient
  transport: Transport
  close: () => Promise<unknown>
}

async function real(): Promise<Side> {
  const { client, transport, connection } = testClient(inject('kubeconfig'))
  await client.apply(namespaces, { metadata: { name: 'contract' } }, { fieldManager: 'test', force: true })
  return { client, transport, close: () => connection.close() }
}

async function fake(): Promise<Side> {
  const server = new FakeApiServer()
  const { config } = await server.start()
  const clock = systemClock
  const connection = connect({ load: () => config, clock })
  const metrics = createKubeMetrics(new Registry())
  const transport = createTransport({ connection, clock, metrics, userAgent: 'test' })
  return {
    client: createKubeClient({ transport }),
    transport,
    close: async () => {
      await connection.close()
      await server.stop()
    },
  }
}

// What our unit tests believe of the fake must be true of the real API server.
describe.each([
  ['a real API server', real],
  ['the fake API server', fake],
])('the client on %s', (_, open) => {
  const namespace = 'contract'
  let side: Side
  let name: string
  let nth = 0
  const run = randomBytes(4).toString('hex')
  const fresh = () => (name = `contract-${run}-${nth++}`)
  const object = (data: Record<string, string> = {}) => ({ metadata: { namespace, name: fresh() }, data })
  const manager = { fieldManager: 'test', force: true }
  beforeAll(async () => (side = await open()))
  afterAll(() => side.close())

  test('gets undefined for what is not there', async () => {
    expect(await side.client.get(configMaps, namespace, fresh())).toBeUndefined()
  })

  test('creates once: the second is AlreadyExists', async () => {
    const wanted = object({ a: '1' })
    const made = await side.client.create(configMaps, wanted)
    expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' } })
    expect(await side.client.get(configMaps, namespace, name)).toMatchObject({ metadata: { uid: made.metadata.uid } })
    await expect(side.client.create(configMaps, wanted)).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' })
  })

  test('applies: creates, then changes in place', async () => {
    const first = await side.client.apply(configMaps, object({ a: '1' }), manager)
    const wanted = { metadata: { namespace, name }, data: { a: '2' } }
    const second = await side.client.apply(configMaps, wanted, manager)
    expect(second.metadata.uid).toBe(first.metadata.uid)
    expect(second.data).toEqual({ a: '2' })
    expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion))
  })

  test('replaces only the current version', async () => {
    const made = await side.client.create(configMaps, object({ a: '1' }))
    await side.client.replace(configMaps, { ...made, data: { a: '2' } })
    const stale = side.client.replace(configMaps, { ...made, data: { a: '3' } })
    await expect(stale).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
  })

  test('merge-patches, with and without a version', async () => {
    const made = await side.client.create(configMaps, object({ a: '1', b: '1' }))
    const { resourceVersion } = made.metadata
    const patch = { data: { a: null, c: '1' } }
    const patched = await side.client.mergePatch(configMaps, namespace, name, patch, { resourceVersion })
    expect(patched.data).toEqual({ b: '1', c: '1' })
    const stale = side.client.mergePatch(configMaps, namespace, name, patch, { resourceVersion })
    await expect(stale).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
  })

  test('deletes only the object that is meant', async () => {
    const made = await side.client.create(configMaps, object())
    const { uid, resourceVersion } = made.metadata
    const remove = (preconditions: { uid: string; resourceVersion?: string }) =>
      side.client.delete(configMaps, namespace, name, { preconditions })
    expect(await remove({ uid: 'another' })).toEqual({ outcome: 'conflict' })
    expect(await remove({ uid, resourceVersion: '1' })).toEqual({ outcome: 'conflict' })
    expect(await remove({ uid, resourceVersion })).toEqual({ outcome: 'deleted' })
    expect(await remove({ uid })).toEqual({ outcome: 'notFound' })
  })

  test('watches: a list, then the changes after it in order, each with the version of its change', async () => {
    const stop = new AbortController()
    const seen: string[] = []
    const versions: number[] = []
    const wanted = object({ a: '1' })
    const watched = name
    for await (const event of watch(
      { transport: side.transport, resource: configMaps, namespace, clock: systemClock },
      stop.signal,
    )) {
      if (event.type === 'listed') {
        versions.push(Number(event.resourceVersion))
        const made = await side.client.create(configMaps, wanted)
        await side.client.mergePatch(configMaps, namespace, watched, { data: { a: '2' } })
        await side.client.delete(configMaps, namespace, watched, { preconditions: { uid: made.metadata.uid } })
      }
      if (event.type !== 'applied' && event.type !== 'deleted') continue
      versions.push(Number(event.object.metadata.resourceVersion))
      seen.push(
        `${event.type} ${event.object.kind} ${event.object.metadata.name === watched} ${event.object.data?.['a']}`,
      )
      if (event.type === 'deleted') stop.abort()
    }
    expect(seen).toEqual(['applied ConfigMap true 1', 'applied ConfigMap true 2', 'deleted ConfigMap true 2'])
    expect(versions).toEqual([...versions].sort((a, b) => a - b))
    expect(new Set(versions).size).toBe(4)
  })
})
