/** A real cluster with the operator installed, and a namespace of the tests' own in it. `dev/test e2e` prepares it for the tests. */
import { request } from 'undici'
import { createKubeClient, type KubeClient } from '../../../operator/kube/client.ts'
import { connect, type Connection } from '../../../operator/kube/connection.ts'
import { createKubeMetrics } from '../../../operator/kube/metrics.ts'
import { createTransport } from '../../../operator/kube/transport.ts'
import { systemClock } from '../../../operator/runtime/clock.ts'
import { Registry } from 'prom-client'

const NAMESPACE = 'valence-e2e'

export interface Place {
  /** Where the objects are that are made; it holds the claim `quickstart-data` with the quickstart's sentences and base model. */
  namespace: string
  operatorNamespace: string
  serverImage: string
}

export interface Cluster extends Place {
  client: KubeClient
  /** Calls a Service or a pod through the API server, as any client outside of the cluster would. */
  call(target: Target, path: string, options?: CallOptions): Promise<Answer>
  close(): Promise<void>
}

interface Target {
  kind: 'services' | 'pods'
  name: string
  port: number
}

interface CallOptions {
  method?: 'GET' | 'POST'
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: unknown
  text: string
}

const placeOfTests = (): Place => ({
  namespace: NAMESPACE,
  operatorNamespace: required('VALENCE_E2E_NAMESPACE'),
  serverImage: required('VALENCE_E2E_SERVER_IMAGE'),
})

export function connectCluster(place: Place = placeOfTests()): Cluster {
  const connection = connect({ clock: systemClock })
  const transport = createTransport({
    connection,
    clock: systemClock,
    metrics: createKubeMetrics(new Registry()),
    userAgent: 'valence-e2e',
  })
  return {
    ...place,
    client: createKubeClient({ transport }),
    call: (target, path, options = {}) => call(connection, place.namespace, target, path, options),
    close: () => connection.close(),
  }
}

async function call(
  connection: Connection,
  namespace: string,
  target: Target,
  path: string,
  options: CallOptions,
): Promise<Answer> {
  const url = new URL(
    `/api/v1/namespaces/${namespace}/${target.kind}/${target.name}:${target.port}/proxy${path}`,
    connection.server,
  )
  const { dispatcher, headers: credentials } = await connection.dispatch('request')
  const { statusCode, headers, body } = await request(url, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    dispatcher,
    headers: {
      ...credentials,
      ...options.headers,
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(options.body !== undefined && {
      body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body),
    }),
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
  })
  const text = await body.text()
  const flat = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ])
  return { status: statusCode, headers: Object.fromEntries(flat) as Record<string, string>, text, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: run the end-to-end tests with dev/test e2e, which prepares the cluster`)
  return value
}
