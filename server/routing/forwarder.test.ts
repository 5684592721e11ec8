import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import { startFake } from '../testing/fake-server.ts'
import { createForwarder, type Forwarder, type ForwarderOptions, type ForwardRequest } from './forwarder.ts'

const open: Forwarder[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((forwarder) => forwarder.close()))
})

function forwarderOf(more: Partial<ForwarderOptions> = {}): Forwarder {
  const forwarder = createForwarder({ ownVersion: 'own', limit: 8, attempts: 1, ...more })
  open.push(forwarder)
  return forwarder
}

async function against(listener: RequestListener, more: Partial<ForwarderOptions> = {}) {
  const fake = await startFake(listener)
  const forwarder = forwarderOf(more)
  const ask = (request: Partial<ForwardRequest> = {}) =>
    forwarder.forward({
      version: 'other',
      url: fake.url,
      path: '/predict',
      body: '{}',
      requestId: 'r-1',
      timeoutMs: 5_000,
      maxAnswerBytes: 10_000,
      ...request,
    })
  return { ...fake, forwarder, ask }
}

describe('the forwarder', () => {
  test('hands over body, remaining time, request id and hop mark, and gives back what came, without what is only of that hop', async () => {
    const seen: unknown[] = []
    const { ask } = await against((request, response) => {
      request.setEncoding('utf8').on('data', (body) => seen.push({ ...request.headers, url: request.url, body }))
      response.writeHead(201, { [HEADERS.modelVersion]: 'other', 'x-secret': '1', connection: 'close' }).end('yes')
    })
    expect(await ask({ path: '/predict/batch', body: '{"a":1}', timeoutMs: 1234 })).toEqual({
      kind: 'answered',
      status: 201,
      headers: { [HEADERS.modelVersion]: 'other' },
      body: 'yes',
    })
    expect(seen).toEqual([
      expect.objectContaining({
        url: '/predict/batch',
        body: '{"a":1}',
        [HEADERS.requestId]: 'r-1',
        [HEADERS.forwarded]: 'own',
        [HEADERS.deadline]: expect.stringMatching(/^1[12]\d\d$/),
      }),
    ])
  })

  test('has no more under way than its limit, and room again when one is done', async () => {
    const { ask, forwarder } = await against(() => undefined, { limit: 2 })
    const hanging = [ask({ timeoutMs: 300 }), ask({ timeoutMs: 300 })]
    expect(forwarder.hasRoomFor('other')).toBe(false)
    expect(forwarder.hasRoomFor('third')).toBe(true)
    expect(await ask()).toMatchObject({ kind: 'failed', failure: 'refused' })
    for (const result of await Promise.all(hanging)) expect(result).toMatchObject({ failure: 'timeout' })
    expect(forwarder.hasRoomFor('other')).toBe(true)
  })

  test('asks nobody for a caller that has left, or without time', async () => {
    let requests = 0
    const { ask } = await against(() => requests++)
    expect(await ask({ signal: AbortSignal.abort() })).toEqual({ kind: 'abandoned' })
    expect(await ask({ timeoutMs: 0 })).toMatchObject({ kind: 'failed', failure: 'timeout' })
    expect(requests).toBe(0)
  })

  test('gives up when the caller leaves', async () => {
    const controller = new AbortController()
    const { ask, server } = await against(() => controller.abort())
    expect(await ask({ signal: controller.signal })).toEqual({ kind: 'abandoned' })
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0)
  })

  test('a pooled connection that was closed meanwhile is replaced, for it says nothing about the version', async () => {
    let connections = 0
    const { ask, server } = await against((request, response) => {
      response.end('ok')
      setTimeout(() => request.socket.destroy(), 20)
    })
    server.on('connection', () => connections++)
    for (let count = 0; count < 10; count++) {
      expect(await ask()).toMatchObject({ kind: 'answered', body: 'ok' })
      await sleep(60)
    }
    expect(connections).toBe(10)
  })

  // Also on a connection that has answered before: tried again, one in five would be seen as one in twenty-five.
  test.each([
    ['reset', 0],
    ['reset', 50],
    ['closed', 0],
    ['closed', 50],
  ])('each request whose connection is %s after %i ms is seen as one that failed', async (how, delayMs) => {
    let requests = 0
    const { ask } = await against((request, response) => {
      const isHealthy = ++requests % 5 !== 0
      setTimeout(() => {
        if (isHealthy) response.end('ok')
        else if (how === 'reset') request.socket.resetAndDestroy()
        else request.socket.destroy()
      }, delayMs)
    })
    const results: string[] = []
    for (let count = 0; count < 50; count++) {
      const result = await ask()
      results.push(result.kind === 'failed' ? result.failure : result.kind)
    }
    expect(results.filter((result) => result === 'unreachable')).toHaveLength(10)
    expect(results.filter((result) => result === 'answered')).toHaveLength(40)
  })

  test('a connection that breaks is a failure of the version, or tried once more where nobody else can answer', async () => {
    const breaking = (): RequestListener => {
      let requests = 0
      return (request, response) => {
        if (++requests % 2 === 1) request.socket.destroy()
        else response.end('ok')
      }
    }
    const single = await against(breaking())
    expect(await single.ask()).toMatchObject({ kind: 'failed', failure: 'unreachable' })
    const twice = await against(breaking(), { attempts: 2 })
    expect(await twice.ask()).toMatchObject({ kind: 'answered', body: 'ok' })
  })

  test('reads no more of an answer than the request allows', async () => {
    let length = 10_000
    const { ask } = await against((_, response) => response.end('x'.repeat(length)))
    expect(await ask()).toMatchObject({ kind: 'answered', body: 'x'.repeat(length) })
    length++
    expect(await ask()).toMatchObject({ kind: 'failed', failure: 'garbage' })
    expect(await ask({ maxAnswerBytes: length })).toMatchObject({ kind: 'answered' })
  })

  // A Service gives each new connection to one of its pods, and requests follow their connection.
  test.each([
    ['few requests', 40, 75],
    ['many requests', 200, 0],
  ])('%s get to all pods of a version, to those that came later too', async (_, count, pauseMs) => {
    const served = [0, 0]
    const pods = await Promise.all(
      served.map((_, index) =>
        startFake((__, response) => {
          served[index] = (served[index] ?? 0) + 1
          response.end('ok')
        }),
      ),
    )
    let connections = 0
    const service = createServer((socket) => {
      const pod = pods[connections++ % pods.length]
      const upstream = connect(Number(new URL(pod?.url ?? '').port), '127.0.0.1')
      socket.on('error', () => upstream.destroy()).pipe(upstream)
      upstream.on('error', () => socket.destroy()).pipe(socket)
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    try {
      const forwarder = forwarderOf()
      const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
      const request = {
        version: 'other',
        url,
        path: '/',
        body: '{}',
        requestId: 'r',
        timeoutMs: 5_000,
        maxAnswerBytes: 10,
      }
      for (let index = 0; index < count; index++) {
        expect(await forwarder.forward(request)).toMatchObject({ body: 'ok' })
        await sleep(pauseMs)
      }
      expect(Math.min(...served)).toBeGreaterThan(count / 5)
      // And yet not each on one of its own.
      expect(connections).toBeLessThan(count / 2)
      await forwarder.close()
    } finally {
      service.close()
    }
  })

  test('waits for a connection no longer than for an answer, so that the next request does not wait for the same one', async () => {
    // Nobody accepts what it listens for: once its queue is full, connecting takes for ever.
    const worker = new Worker(
      `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        require('node:worker_threads').parentPort.postMessage(server.address().port)
        setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
      })`,
      { eval: true },
    )
    const [port] = (await once(worker, 'message')) as [number]
    await sleep(100)
    const filling = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    try {
      await sleep(100)
      const started = performance.now()
      const request = { version: 'other', path: '/', body: '{}', requestId: 'r', timeoutMs: 10_000, maxAnswerBytes: 10 }
      const result = await forwarderOf().forward({ ...request, url: `http://127.0.0.1:${port}` })
      expect(result).toMatchObject({ failure: 'unreachable', message: expect.stringContaining('CONNECT_TIMEOUT') })
      expect(performance.now() - started).toBeLessThan(1_900)
    } finally {
      for (const socket of filling) socket.destroy()
      await worker.terminate()
    }
  })

  test('an end of the process ends what is under way', async () => {
    const { ask, forwarder } = await against(() => void forwarder.close())
    expect(await ask()).toMatchObject({ kind: 'failed', failure: 'unreachable' })
  })

  test('tells each outcome once', async () => {
    const outcomes: string[] = []
    const { ask } = await against((_, response) => response.writeHead(503).end(), {
      onOutcome: (version, outcome) => outcomes.push(`${version} ${outcome}`),
    })
    await ask()
    await ask({ url: 'http://127.0.0.1:1' })
    await ask({ signal: AbortSignal.abort() })
    expect(outcomes).toEqual(['other 503', 'other unreachable', 'other abandoned'])
  })
})
