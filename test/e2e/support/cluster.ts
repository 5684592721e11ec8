/** A real cluster with the operator installed, which `dev/test e2e` prepares, and a namespace of the tests' own in it. */
import { request } from 'undici'
import { createKubeClient, type KubeClient } from '../../../operator/kube/client.ts'
import { connect, type Connection } from '../../../operator/kube/connection.ts'
import { pods } from '../../../operator/kube/resource.ts'
import { createKubeMetrics } from '../../../operator/kube/metrics.ts'
import { createTransport } from '../../../operator/kube/transport.ts'
import { systemClock } from '../../../operator/runtime/clock.ts'
import { Registry } from 'prom-client'

/** Where the tests' objects are; it holds the claim `quickstart-data` with the quickstart's sentences and base model. */
export const NAMESPACE = 'valence-e2e'
export const SERVER_IMAGE = required('VALENCE_E2E_SERVER_IMAGE')

export interface Cluster {
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

export function connectCluster(): Cluster {
  const connection = connect({ clock: systemClock })
  const transport = createTransport({
    connection,
    clock: systemClock,
    metrics: createKubeMetrics(new Registry()),
    userAgent: 'valence-e2e',
  })
  return {
    client: createKubeClient({ transport }),
    call: (target, path, options = {}) => call(connection, target, path, options),
    close: () => connection.close(),
  }
}

async function call(connection: Connection, target: Target, path: string, options: CallOptions): Promise<Answer> {
  const url = new URL(
    `/api/v1/namespaces/${NAMESPACE}/${target.kind}/${target.name}:${target.port}/proxy${path}`,
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

/** Ends the operator without a chance to tidy up; its Deployment starts another. */
export async function killOperator({ client }: Cluster): Promise<void> {
  const namespace = required('VALENCE_E2E_NAMESPACE')
  const { items } = await client.list(pods, {
    namespace,
    labelSelector: 'app.kubernetes.io/name=valence,app.kubernetes.io/component=operator',
  })
  if (items.length === 0) throw new Error(`no operator pod in ${namespace}`)
  for (const pod of items) {
    const preconditions = { uid: pod.metadata.uid }
    await client.delete(pods, namespace, pod.metadata.name, { preconditions, gracePeriodSeconds: 0 })
  }
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
