/** The custom metrics API, as an adapter serves it: one metric of pods, whose values a test makes up. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, vi } from 'vitest'
import type { KubeClient } from '../../../operator/kube/client.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { defineResource, namespaces, pods, services } from '../../../operator/kube/resource.ts'
import type { ApiServer } from './api-server.ts'

const GROUP = 'custom.metrics.k8s.io'
const VERSION = 'v1beta1'
const ADAPTER = 'adapter'

const apiServices = defineResource<KubeObject & { spec: object }>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
})

/** The value of each pod of a selection; undefined: there is none. */
export type Measure = (asked: {
  namespace: string
  metric: string
  labelSelector: string
  pods: number
}) => number | undefined

export async function serveCustomMetrics(server: ApiServer, client: KubeClient, metric: string, measure: Measure) {
  const certificates = dirname(server.caPath)
  const [cert, key] = await Promise.all(
    ['apiserver.crt', 'apiserver.key'].map((name) => readFile(join(certificates, name))),
  )
  const apiVersion = `${GROUP}/${VERSION}`
  const resources = [
    { name: `pods/${metric}`, singularName: '', namespaced: true, kind: 'MetricValueList', verbs: ['get'] },
  ]

  const answer = async (url: URL): Promise<object | undefined> => {
    const [, namespace, name] = /\/namespaces\/([^/]+)\/pods\/\*\/([^/]+)$/.exec(decodeURIComponent(url.pathname)) ?? []
    if (namespace === undefined || name === undefined)
      return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources }
    const labelSelector = url.searchParams.get('labelSelector') ?? ''
    const { items } = await client.list(pods, { namespace, labelSelector })
    const value = measure({ namespace, metric: name, labelSelector, pods: items.length })
    if (value === undefined) return undefined
    const timestamp = new Date().toISOString()
    return {
      kind: 'MetricValueList',
      apiVersion,
      metadata: {},
      items: items.map(({ metadata }) => ({
        describedObject: { kind: 'Pod', apiVersion: 'v1', namespace, name: metadata.name },
        metricName: name,
        timestamp,
        value: `${Math.round(value * 1000)}m`,
      })),
    }
  }
  const adapter = createServer({ ...(cert && { cert }), ...(key && { key }) }, (request, response) => {
    void answer(new URL(request.url ?? '/', 'https://adapter')).then(
      (found) => {
        response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
        response.end(JSON.stringify(found ?? { kind: 'Status', status: 'Failure', code: 404, reason: 'NotFound' }))
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => adapter.listen(0, '127.0.0.1', resolve))
  const { port } = adapter.address() as AddressInfo

  await client.create(namespaces, { metadata: { name: ADAPTER } })
  const metadata = { namespace: ADAPTER, name: ADAPTER }
  await client.create(services, { metadata, spec: { type: 'ExternalName', externalName: 'localhost' } })
  await client.create(apiServices, {
    metadata: { name: `${VERSION}.${GROUP}` },
    spec: {
      ...{
        group: GROUP,
        version: VERSION,
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
      service: { namespace: ADAPTER, name: ADAPTER, port },
    },
  })
  const served = defineResource({
    group: GROUP,
    version: VERSION,
    kind: '',
    plural: `pods/${metric}`,
    namespaced: true,
  })
  await vi.waitFor(async () => expect(await client.hasResource(served)).toBe(true), {
    timeout: 45_000,
    interval: 200,
  })
  return {
    stop: () =>
      new Promise<void>((resolve) => {
        adapter.close(() => resolve())
        adapter.closeAllConnections()
      }),
  }
}
