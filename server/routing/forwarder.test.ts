import type { RequestListener } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import { startFake } from '../testing/fake-server.ts'
import { createForwarder, type Forwarder, type ForwarderOptions, type ForwardRequest } from './forwarder.ts'

const open: Forwarder[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((forwarder) => forwarder.close()))
})

function forwarderOf(more: Partial<ForwarderOptions> = {}): Forwarder {
  const forwarder = createForwarder({ ownVersion: 'own', limit: 8, maxAnswerBytes: 10_000, retry: 'stale', ...more })
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
    let answered = 0
    const { ask } = await against((request, response) => {
      // The second request on a connection finds it closed.
      if (request.socket.listenerCount('seen') > 0) request.socket.destroy()
      else {
        request.socket.on('seen', () => undefined)
        response.end(String(++answered))
      }
    })
    expect(await ask()).toMatchObject({ body: '1' })
    expect(await ask()).toMatchObject({ body: '2' })
  })

  test('a new connection that breaks is a failure of the version, or tried once more where nobody else can answer', async () => {
    const breaking = (): RequestListener => {
      let requests = 0
      return (request, response) => {
        if (++requests % 2 === 1) request.socket.destroy()
        else response.end('ok')
      }
    }
    const stale = await against(breaking())
    expect(await stale.ask()).toMatchObject({ kind: 'failed', failure: 'unreachable' })
    const connection = await against(breaking(), { retry: 'connection' })
    expect(await connection.ask()).toMatchObject({ kind: 'answered', body: 'ok' })
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
