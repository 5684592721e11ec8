import type { ServerResponse } from 'node:http'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../runtime/clock.ts'
import { ApiError, ConnectionError } from './api-error.ts'
import { createKubeClient, type KubeClient } from './client.ts'
import { connect, type Connection } from './connection.ts'
import { createKubeMetrics } from './metrics.ts'
import { type ConfigMap, configMaps } from './resource.ts'
import { type Fault, FakeApiServer, sendStatus } from './testing/fake-api-server.ts'
import { createTransport, type Transport } from './transport.ts'
import { watch, type WatchEvent, type WatchOptions } from './watch.ts'

const namespace = 'n'
let server: FakeApiServer
let connection: Connection
let transport: Transport
let client: KubeClient
let stop: AbortController

beforeEach(async () => {
  server = new FakeApiServer()
  const { config } = await server.start()
  connection = connect({ load: () => config, clock: systemClock })
  const metrics = createKubeMetrics(new Registry())
  transport = createTransport({ connection, clock: systemClock, metrics, userAgent: 'test' })
  client = createKubeClient({ transport })
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort(new Error('test ends'))
  await connection.close()
  await server.stop()
})

const create = (name: string) => client.create(configMaps, { metadata: { namespace, name }, data: { text: 'ä€😀' } })

/** What is seen, one line per event, until `until` says that it is enough. */
async function follow(
  until: (line: string, event: WatchEvent<ConfigMap>) => boolean | Promise<boolean>,
  options: Partial<WatchOptions<ConfigMap>> = {},
): Promise<string[]> {
  const seen: string[] = []
  const timeout = setTimeout(() => stop.abort(new Error('the test took too long')), 8_000)
  const source = { transport, resource: configMaps, namespace, clock: systemClock, random: () => 1, ...options }
  for await (const event of watch<ConfigMap>(source, stop.signal)) {
    const line = describeEvent(event)
    seen.push(line)
    if (await until(line, event)) break
  }
  clearTimeout(timeout)
  return seen
}

function describeEvent(event: WatchEvent<ConfigMap>): string {
  switch (event.type) {
    case 'listed':
      return `listed ${event.objects.map(({ metadata }) => metadata.name).join(' ')}`.trim()
    case 'applied':
    case 'deleted':
      return `${event.type} ${event.object.metadata.name}`
    case 'bookmark':
      return 'bookmark'
    case 'interrupted': {
      const { error } = event
      const cause =
        error instanceof ApiError ? error.reason : error instanceof ConnectionError ? error.code : String(error)
      return `interrupted ${event.phase} ${cause}`
    }
  }
}

const onWatch =
  (answer: (response: ServerResponse) => void): Fault =>
  (_, response, url) => {
    if (!url.searchParams.has('watch')) return false
    answer(response)
    return true
  }

function eventLine(name: string, resourceVersion: string, type = 'ADDED'): Buffer {
  const metadata = { namespace, name, uid: `uid-${name}`, resourceVersion }
  return Buffer.from(`${JSON.stringify({ type, object: { metadata, data: { text: 'ä€😀' } } })}\n`)
}

describe('watch', () => {
  test('goes on after the end of a watch from where it was, without listing again', async () => {
    const seen = await follow(async (line) => {
      if (line === 'listed') await create('a')
      if (line === 'applied a') {
        await systemClock.sleep(1100)
        server.endWatches()
        await create('b')
      }
      return line === 'applied b'
    })
    expect(seen).toEqual(['listed', 'applied a', 'applied b'])
  })

  test('lists anew after 410, sent as an event, and as an answer', async () => {
    const answers: Fault[] = [
      onWatch((response) => {
        const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
        response.writeHead(200).end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
      }),
      onWatch((response) => sendStatus(response, 410, 'Gone', 'too old resource version')),
    ]
    for (const answer of answers) {
      server.inject(answer)
      let lists = 0
      const seen = await follow((line) => line === 'listed' && ++lists === 2)
      expect(seen).toEqual(['listed', expect.stringMatching(/^interrupted watching (Expired|Gone)$/), 'listed'])
    }
  })

  test('reads events cut at any byte, and sees the torn last one again', async () => {
    await create('a')
    const whole = Buffer.concat([eventLine('b', '100'), eventLine('c', '101')])
    server.inject(
      onWatch((response) => {
        response.writeHead(200)
        void (async () => {
          for (let at = 0; at < whole.length; at += 7) {
            response.write(whole.subarray(at, at + 7))
            await new Promise((resolve) => setImmediate(resolve))
          }
          response.write(eventLine('d', '102').subarray(0, 40))
          setTimeout(() => response.destroy(), 20)
        })()
      }),
      (_, response, url) => {
        expect(url.searchParams.get('resourceVersion')).toBe('101')
        response.writeHead(200).write(eventLine('d', '102'))
        return true
      },
    )
    const seen = await follow((line, event) => {
      if (event.type === 'applied') expect(event.object.data).toEqual({ text: 'ä€😀' })
      return line === 'applied d'
    })
    expect(seen).toEqual(['listed a', 'applied b', 'applied c', 'interrupted watching KUBE_CONNECTION', 'applied d'])
  })

  test('remembers a bookmark as the place to go on from', async () => {
    server.inject(
      onWatch((response) => {
        response
          .writeHead(200)
          .write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '77' } } })}\n`)
        setTimeout(() => response.destroy(), 20)
      }),
      (_, response, url) => {
        response.writeHead(200).write(eventLine(`from-${String(url.searchParams.get('resourceVersion'))}`, '78'))
        return true
      },
    )
    const seen = await follow((line) => line.startsWith('applied'))
    expect(seen).toEqual(['listed', 'bookmark', 'interrupted watching KUBE_CONNECTION', 'applied from-77'])
  })

  test('takes a connection that is silent for too long for dead', async () => {
    server.inject(
      onWatch((response) => {
        response.writeHead(200).flushHeaders()
      }),
    )
    const seen = await follow((line) => line.startsWith('interrupted'), { idleTimeoutMs: 100 })
    expect(seen).toEqual(['listed', 'interrupted watching KUBE_TIMEOUT'])
  })

  test('tries for ever while the server refuses to list, and comes back', async () => {
    for (let i = 0; i < 2; i++)
      server.inject((_, response) => {
        sendStatus(response, 403, 'Forbidden', 'may not list')
        return true
      })
    const seen = await follow((line) => line === 'listed')
    expect(seen).toEqual(['interrupted listing Forbidden', 'interrupted listing Forbidden', 'listed'])
  })

  test('lists anew when the server can not serve the version for another reason, several times', async () => {
    const status = {
      kind: 'Status',
      code: 504,
      reason: 'Timeout',
      message: 'Too large resource version: 99, current: 5',
    }
    for (let i = 0; i < 3; i++)
      server.inject(
        onWatch((response) => response.writeHead(200).end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)),
      )
    let lists = 0
    const seen = await follow((line) => line.startsWith('listed') && ++lists === 2)
    expect(seen).toEqual(['listed', ...Array.from({ length: 3 }, () => 'interrupted watching Timeout'), 'listed'])
  })

  test('backs off from a server that ends every watch at once', async () => {
    for (let i = 0; i < 3; i++) server.inject(onWatch((response) => response.writeHead(200).end()))
    const seen = await follow((line) => line.startsWith('interrupted'))
    expect(seen).toEqual(['listed', 'interrupted watching KUBE_CONNECTION'])
  })

  test('takes all at once when the pages expire on the way', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name)
    let pages = 0
    server.inject((_, __, url) => {
      if (url.searchParams.has('continue')) server.forget()
      pages += 1
      return false
    })
    const seen = await follow(() => true, { pageSize: 2 })
    expect(seen).toEqual(['listed a b c d e'])
    expect(pages).toBe(3)
  })

  test('tells an event of an unknown type, or that is not JSON, as an interruption', async () => {
    server.inject(
      onWatch((response) => response.writeHead(200).end('{"type":"NEW","object":{}}\n')),
      onWatch((response) => response.writeHead(200).end('<html>\n')),
    )
    let interruptions = 0
    const seen = await follow((line) => line.startsWith('interrupted') && ++interruptions === 2)
    expect(seen).toEqual(['listed', 'interrupted watching KUBE_PROTOCOL', 'interrupted watching KUBE_PROTOCOL'])
  })

  test('ends at once with its signal and frees its connection', async () => {
    const running = follow(() => false)
    while (server.watching === 0) await systemClock.sleep(5)
    stop.abort(new Error('enough'))
    expect(await running).toEqual(['listed'])
    for (let i = 0; server.watching > 0 && i < 100; i++) await systemClock.sleep(10)
    expect(server.watching).toBe(0)
  })
})
