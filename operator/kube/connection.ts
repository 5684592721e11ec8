import { KubeConfig } from '@kubernetes/client-node'
import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '../runtime/clock.ts'

/** The way to one API server: where it is, and who we are. */
export interface Connection {
  readonly server: URL
  /** The namespace that this process runs in, or the context's; undefined where neither says. */
  readonly namespace: string | undefined
  /**
   * What a request needs: the pool and fresh credentials. At most 3 HTTP/1.1 connections for requests that end; and for watches one
   * HTTP/2 connection that carries all of them (or one HTTP/1.1 connection per watch, where a proxy offers no HTTP/2).
   */
  dispatch: (use: 'request' | 'watch') => Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }>
  /** Forgets the credentials, because the server refused them: files are read and plugins run again. */
  refresh: () => void
  close: () => Promise<void>
}

export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code = 'KUBE_CONFIGURATION'
}

interface Credentials {
  readAt: number
  headers: Record<string, string>
  tls: { ca?: Buffer; cert?: Buffer | string; key?: Buffer | string; servername?: string; rejectUnauthorized?: boolean }
}

const REQUEST_CONNECTIONS = 3
const CONNECT_TIMEOUT_MS = 10_000
/** Below the idle time after which common load balancers drop a connection without a word. */
const KEEP_ALIVE_MS = 30_000
/** client-node caches tokens by itself (a file for a minute, a plugin's until it expires): this only spares the file reads per request. */
const CREDENTIALS_MS = 5_000

/** KUBECONFIG or ~/.kube/config (with `context`, if given), otherwise the pod's service account. */
export function loadKubeConfig(context?: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromDefault()
  // client-node's last resort, which could only fail later and less clearly.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080')
    throw new ConfigurationError(
      'no API server is known: set KUBECONFIG, or write ~/.kube/config, or run in a pod with a service account token',
    )
  if (context !== undefined) {
    if (!config.getContexts().some(({ name }) => name === context)) {
      const names = config.getContexts().map(({ name }) => name)
      throw new ConfigurationError(`the kubeconfig has no context ${context}; it has ${names.join(', ') || 'none'}`)
    }
    config.setCurrentContext(context)
  }
  return config
}

/** `load` is called again when the server refuses the credentials, so that a rotated kubeconfig is picked up. */
export function connect({ load = loadKubeConfig, clock }: { load?: () => KubeConfig; clock: Clock }): Connection {
  let config = load()
  const cluster = config.getCurrentCluster()
  if (!cluster)
    throw new ConfigurationError(`the kubeconfig's current context ${config.getCurrentContext()} names no cluster`)
  if (cluster.proxyUrl !== undefined)
    throw new ConfigurationError(
      `cluster ${cluster.name} has proxy-url ${cluster.proxyUrl}, which is not supported: use a tunnel`,
    )
  const server = new URL(cluster.server)
  let credentials: Promise<Credentials> | undefined
  let pools: { key: string; request: Pool; watch: Pool } | undefined
  const retired: Promise<void>[] = []

  const read = async (): Promise<Credentials> => {
    const options: Record<string, unknown> & { headers: Record<string, string> } = { headers: {} }
    await config.applyToHTTPSOptions(options)
    if (typeof options['auth'] === 'string')
      options.headers['Authorization'] = `Basic ${Buffer.from(options['auth']).toString('base64')}`
    const tls = Object.fromEntries(
      ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'].flatMap((name) =>
        options[name] === undefined ? [] : [[name, options[name]]],
      ),
    ) as Credentials['tls']
    return { readAt: clock.monotonic(), headers: options.headers, tls }
  }
  const fresh = async (): Promise<Credentials> => {
    const reading = (credentials ??= read())
    try {
      const current = await reading
      if (clock.monotonic() - current.readAt < CREDENTIALS_MS) return current
    } catch (error) {
      if (credentials === reading) credentials = undefined
      throw new ConfigurationError(`the credentials of the kubeconfig can't be read: ${String(error)}`, {
        cause: error,
      })
    }
    if (credentials === reading) credentials = undefined
    return fresh()
  }
  const poolsFor = (tls: Credentials['tls']) => {
    const key = JSON.stringify(tls)
    if (pools?.key !== key) {
      // A rotated client certificate or CA: what runs on the old connections may end there.
      if (pools) retired.push(pools.request.close(), pools.watch.close())
      const common = {
        connect: { ...tls, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
        keepAliveTimeout: KEEP_ALIVE_MS,
        // The transport has its own deadlines, which know what is asked.
        headersTimeout: 0,
        bodyTimeout: 0,
      }
      pools = {
        key,
        request: new Pool(server.origin, { ...common, connections: REQUEST_CONNECTIONS, allowH2: false }),
        watch: new Pool(server.origin, { ...common, allowH2: true }),
      }
    }
    return pools
  }

  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim(),
    dispatch: async (use) => {
      const { headers, tls } = await fresh()
      return { dispatcher: poolsFor(tls)[use], headers }
    },
    refresh: () => {
      config = load()
      credentials = undefined
    },
    close: async () => {
      await Promise.all([pools?.request.destroy(), pools?.watch.destroy(), ...retired])
    },
  }
}
