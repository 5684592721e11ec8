import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../runtime/clock.ts'
import { createKubeClient, type KubeClient } from './client.ts'
import { connect, type Connection, loadKubeConfig } from './connection.ts'
import { NotLeaderError } from './lease.ts'
import { createKubeMetrics } from './metrics.ts'
import { configMaps, pods } from './resource.ts'
import { FakeApiServer, sendStatus } from './testing/fake-api-server.ts'
import { createTransport, type Transport } from './transport.ts'

let server: FakeApiServer
let connection: Connection
let transport: Transport
let client: KubeClient
let registry: Registry

beforeEach(async () => {
  server = new FakeApiServer()
  const { config } = await server.start()
  open(() => config)
})
afterEach(async () => {
  await connection.close()
  await server.stop()
})

function open(load: () => KubeConfig) {
  registry = new Registry()
  connection = connect({ load, clock: systemClock })
  transport = createTransport({
    connection,
    clock: systemClock,
    metrics: createKubeMetrics(registry),
    userAgent: 'test',
  })
  client = createKubeClient({ transport })
}

const path = '/api/v1/namespaces/n/configmaps/a'
const object = { metadata: { namespace: 'n', name: 'a' } }
const get = () => client.get(configMaps, 'n', 'a')

describe('transport', () => {
  test('waits as long as a 429 asks for, and tries again, also a create', async () => {
    server.inject((_, response) => {
      sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '1' })
      return true
    })
    const begin = performance.now()
    await client.create(configMaps, object)
    expect(performance.now() - begin).toBeGreaterThanOrEqual(1000)
    expect(server.requests).toHaveLength(2)
    expect(await registry.getSingleMetricAsString('rest_client_requests_total')).toContain('code="429"} 1')
  })

  test('repeats a read after a 503 and after a lost connection', async () => {
    server.inject(
      (_, response) => {
        sendStatus(response, 503, 'ServiceUnavailable', 'starting')
        return true
      },
      (request) => {
        request.socket.resetAndDestroy()
        return true
      },
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"half":')
        setTimeout(() => response.destroy(), 20)
        return true
      },
    )
    expect(await get()).toBeUndefined()
    expect(server.requests).toHaveLength(4)
  })

  test('does not repeat a create that may have been done', async () => {
    server.inject((request) => {
      request.socket.resetAndDestroy()
      return true
    })
    await expect(client.create(configMaps, object)).rejects.toMatchObject({ code: 'KUBE_CONNECTION' })
    expect(server.requests).toHaveLength(1)
  })

  test('gives up after five tries, with the last cause', async () => {
    for (let i = 0; i < 9; i++)
      server.inject((_, response) => {
        sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '0' })
        return true
      })
    await expect(get()).rejects.toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfterMs: 0 })
    expect(server.requests).toHaveLength(5)
  }, 15_000)

  test('does not wait beyond the deadline for a retry, but tells the cause at once', async () => {
    server.inject((_, response) => {
      sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '60' })
      return true
    })
    const begin = performance.now()
    await expect(transport.request({ method: 'GET', path, timeoutMs: 30_000 })).rejects.toMatchObject({ status: 429 })
    expect(performance.now() - begin).toBeLessThan(20_000)
  })

  test('ends a request that hangs, before or within the answer', async () => {
    server.inject(
      () => true,
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{')
        return true
      },
    )
    for (let i = 0; i < 2; i++) {
      const request = transport.request({ method: 'GET', path, timeoutMs: 100 })
      await expect(request).rejects.toMatchObject({
        code: 'KUBE_TIMEOUT',
        message: expect.stringContaining(path) as unknown,
      })
    }
  })

  test('ends with the reason of its signal', async () => {
    server.inject(() => true)
    const stop = new AbortController()
    const request = transport.request({ method: 'GET', path, signal: stop.signal })
    setTimeout(() => stop.abort(new Error('shutdown')), 20)
    await expect(request).rejects.toThrow('shutdown')
  })

  test('names fields, reason and message of a refusal', async () => {
    server.inject((_, response) => {
      const causes = [{ field: 'spec.labels', reason: 'FieldValueRequired', message: 'Required value' }]
      response.writeHead(422, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ kind: 'Status', reason: 'Invalid', message: 'is invalid', details: { causes } }))
      return true
    })
    await expect(client.create(configMaps, object)).rejects.toMatchObject({
      name: 'ApiError',
      status: 422,
      reason: 'Invalid',
      message: 'POST /api/v1/namespaces/n/configmaps: is invalid (422)',
      causes: [{ field: 'spec.labels', message: 'Required value' }],
    })
  })

  test('tells the text of a proxy that answers in the place of the API server', async () => {
    server.inject((_, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
      return true
    })
    await expect(get()).rejects.toMatchObject({
      status: 502,
      reason: 'Unknown',
      message: expect.stringContaining('Bad Gateway') as unknown,
    })
  })

  test('codes an answer that is not the JSON it claims to be', async () => {
    server.inject((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')
      return true
    })
    await expect(get()).rejects.toMatchObject({ code: 'KUBE_PROTOCOL' })
  })

  test('gives logs as text', async () => {
    server.inject((request, response, url) => {
      expect(url.pathname).toBe('/api/v1/namespaces/n/pods/p/log')
      expect(url.searchParams.toString()).toBe('container=c&tailLines=1&previous=true&limitBytes=100')
      response.writeHead(200, { 'content-type': 'text/plain' }).end('out of memory\n')
      return request.method === 'GET'
    })
    const metadata = { namespace: 'n', name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: '' }
    const pod = { apiVersion: 'v1', kind: pods.kind, metadata }
    const options = { container: 'c', tailLines: 1, previous: true, limitBytes: 100 }
    expect(await client.podLogs(pod, options)).toBe('out of memory\n')
  })

  test('cannot be unreachable for longer than its deadline', async () => {
    await server.stop()
    const request = transport.request({ method: 'GET', path, timeoutMs: 3000 })
    await expect(request).rejects.toMatchObject({ code: 'KUBE_CONNECTION' })
    server = new FakeApiServer()
    await server.start()
  })

  test('writes only while it is permitted, and is ended when the permit goes; reads and dry runs go on', async () => {
    const lost = new AbortController()
    let isLeader = false
    const fenced = createKubeClient({
      transport,
      permitWrite: () => {
        if (!isLeader) throw new NotLeaderError('not the leader')
        return lost.signal
      },
    })
    await expect(fenced.create(configMaps, object)).rejects.toMatchObject({ code: 'NOT_LEADER' })
    await fenced.create(configMaps, object, { dryRun: true })
    expect(await fenced.get(configMaps, 'n', 'b')).toBeUndefined()
    isLeader = true
    server.inject((request) => request.method === 'PUT')
    const hanging = fenced.replace(configMaps, { ...object, ...(await get()) } as never)
    setTimeout(() => lost.abort(new NotLeaderError('the lease is lost')), 50)
    await expect(hanging).rejects.toThrow('the lease is lost')
  })
})

describe('credentials', () => {
  const seen: (string | undefined)[] = []
  const watchTokens = () => {
    seen.length = 0
    const demand = (token: string) =>
      server.inject((request, response) => {
        seen.push(request.headers.authorization)
        if (request.headers.authorization === `Bearer ${token}`) return false
        sendStatus(response, 401, 'Unauthorized', 'Unauthorized')
        return true
      })
    return demand
  }

  test('are read again when the server refuses them: a rotated token file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'token-'))
    const file = join(directory, 'token')
    await writeFile(file, 'old')
    open(() => tokenFileConfig(connection.server.href, file))
    expect(await get()).toBeUndefined()
    const demand = watchTokens()
    await writeFile(file, 'new')
    demand('new')
    demand('new')
    expect(await get()).toBeUndefined()
    expect(seen).toEqual(['Bearer old', 'Bearer new'])
    await rm(directory, { recursive: true })
  })

  test('that stay refused are an error, after one repetition', async () => {
    const demand = watchTokens()
    demand('another')
    demand('another')
    await expect(get()).rejects.toMatchObject({ status: 401 })
    expect(seen).toHaveLength(2)
  })

  test('come from an exec plugin', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'by-plugin' },
    }
    const href = connection.server.href
    open(() => {
      const config = new KubeConfig()
      const exec = { command: 'echo', args: [JSON.stringify(credential)] }
      config.loadFromClusterAndUser({ name: 'c', server: href, skipTLSVerify: true }, { name: 'u', exec })
      return config
    })
    const demand = watchTokens()
    demand('by-plugin')
    expect(await get()).toBeUndefined()
    expect(seen).toEqual(['Bearer by-plugin'])
  })

  test('of a plugin that hangs do not hold a request beyond its deadline', async () => {
    const href = connection.server.href
    open(() => {
      const config = new KubeConfig()
      const exec = { command: 'sleep', args: ['1'] }
      config.loadFromClusterAndUser({ name: 'c', server: href, skipTLSVerify: true }, { name: 'u', exec })
      return config
    })
    const request = transport.request({ method: 'GET', path, timeoutMs: 200 })
    await expect(request).rejects.toMatchObject({ code: 'KUBE_TIMEOUT' })
  })

  test('that cannot be read are told as a configuration error', async () => {
    const href = connection.server.href
    open(() => tokenFileConfig(href, '/no/such/token'))
    await expect(get()).rejects.toMatchObject({
      code: 'KUBE_CONFIGURATION',
      message: expect.stringContaining('/no/such/token') as unknown,
    })
  })
})

describe('the kubeconfig', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
    vi.stubEnv('HOME', directory)
    vi.stubEnv('KUBECONFIG', undefined)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(directory, { recursive: true })
  })

  test('that is nowhere is an error that says where it may be', () => {
    expect(() => loadKubeConfig()).toThrow(/set KUBECONFIG, or write ~\/.kube\/config/)
  })

  test('without the context that is asked for is an error that names those it has', async () => {
    const config = {
      clusters: [{ name: 'c', cluster: { server: 'https://x' } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'here',
    }
    await writeFile(join(directory, 'config'), JSON.stringify(config))
    vi.stubEnv('KUBECONFIG', join(directory, 'config'))
    expect(() => loadKubeConfig('there')).toThrow('the kubeconfig has no context there; it has here')
    expect(loadKubeConfig('here').getCurrentCluster()?.server).toBe('https://x')
  })
})

test('a proxy-url is refused with what to do', () => {
  const config = new KubeConfig()
  config.loadFromClusterAndUser({ name: 'c', server: 'https://x', proxyUrl: 'http://p' } as never, { name: 'u' })
  expect(() => connect({ load: () => config, clock: systemClock })).toThrow(
    /proxy-url http:\/\/p, which is not supported/,
  )
})

function tokenFileConfig(server: string, tokenFile: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: 'c', server, skipTLSVerify: true },
    { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile } } },
  )
  return config
}
