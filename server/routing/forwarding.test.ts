/** Requests that name their version, between two real servers, and what callers see when the other one fails. */
import type { RequestListener, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import type { Routing } from '../../contract/routing.ts'
import { errorBody } from '../schemas/error.ts'
import { predictResponse } from '../schemas/predict.ts'
import { startFake } from '../testing/fake-server.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let front: TestServer
let other: TestServer
let current: Routing | 'unread' | undefined

const baseRouting = { epoch: 1, perMille: 0, shadowPerMille: 0, candidateTimeoutMs: 1000 }

beforeAll(async () => {
  other = await startTestServer({
    version: 'other',
    listen: true,
    // It would send the request straight back, if it forwarded what was forwarded.
    routing: () => ({ ...baseRouting, stable: 'front', endpoints: { front: front.url } }),
  })
  front = await startTestServer({ version: 'front', listen: true, routing: () => current })
})
afterAll(async () => {
  await front.close()
  await other.close()
})

const ask = (path: string, headers: Record<string, string> = {}) =>
  front.app.inject({ method: 'POST', url: path, payload: { text: 'a good film' }, headers })

const fake = async (listener: RequestListener) => (await startFake(listener)).url

const judgeAsOther = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json', [HEADERS.modelVersion]: 'other' })
  response.end('{"text":"a good film","sentiment":"positive","score":1}')
}

const routeTo = (url: string): void => {
  current = { ...baseRouting, stable: 'other', baseline: 'other', endpoints: { other: url } }
}

describe('forwarding', () => {
  test('trained and naive are answered by the versions that the routing file names', async () => {
    current = {
      ...baseRouting,
      stable: 'front',
      baseline: 'other',
      endpoints: { front: front.url, other: other.url },
    }
    expect((await ask('/predict/trained')).headers[HEADERS.modelVersion]).toBe('front')
    const naive = await ask('/predict/naive', { [HEADERS.requestId]: 'r-1' })
    expect(naive.statusCode).toBe(200)
    expect(naive.headers[HEADERS.modelVersion]).toBe('other')
    expect(naive.headers[HEADERS.modelDigest]).toBe(other.artifact.digest)
    expect(naive.headers[HEADERS.requestId]).toBe('r-1')
    expect(naive.headers['content-type']).toContain('application/json')
    expect(predictResponse.parse(naive.json())).toMatchObject({ text: 'a good film', sentiment: 'positive' })
  })

  test('a forwarded request is never forwarded again', async () => {
    routeTo(other.url)
    const answer = await ask('/predict/trained')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers[HEADERS.modelVersion]).toBe('other')
  })

  test('the hop mark in the hand of an outsider gets no answer of another version than the one that is named', async () => {
    routeTo(other.url)
    for (const path of ['/predict/trained', '/predict/naive']) {
      const marked = await ask(path, { [HEADERS.forwarded]: 'elsewhere' })
      expect(marked.statusCode).toBe(404)
      expect(errorBody.parse(marked.json()).code).toBe('VersionNotFound')
    }
  })

  test('aliases are 503 as long as the routing file was never read, and the model itself answers', async () => {
    current = 'unread'
    for (const path of ['/predict/trained', '/predict/naive']) {
      const answer = await ask(path)
      expect(answer.statusCode).toBe(503)
      expect(errorBody.parse(answer.json())).toMatchObject({
        code: 'RoutingUnknown',
        message: expect.stringContaining('routing file') as string,
      })
    }
    expect((await ask('/predict')).statusCode).toBe(200)
  })

  test('bad input is refused before it travels', async () => {
    routeTo('http://127.0.0.1:1')
    const answer = await front.app.inject({ method: 'POST', url: '/predict/naive', payload: { text: ' ' } })
    expect(answer.statusCode).toBe(422)
  })

  test('the other pod gets the remaining deadline, the request id and the hop mark', async () => {
    const seen: Record<string, unknown>[] = []
    routeTo(
      await fake((request, response) => {
        seen.push({ ...request.headers, url: request.url })
        judgeAsOther(response)
      }),
    )
    await ask('/predict/trained', { [HEADERS.deadline]: '700', [HEADERS.requestId]: 'r-2' })
    expect(seen[0]).toMatchObject({ url: '/predict', [HEADERS.requestId]: 'r-2', [HEADERS.forwarded]: 'front' })
    expect(Number(seen[0]?.[HEADERS.deadline])).toBeGreaterThan(500)
    expect(Number(seen[0]?.[HEADERS.deadline])).toBeLessThanOrEqual(700)
  })

  test("the other pod's refusal reaches the caller as it is", async () => {
    const refusal = { error: 'Too Many Requests', code: 'QueueFull', message: 'full' }
    routeTo(
      await fake((_, response) => {
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '2' }).end(JSON.stringify(refusal))
      }),
    )
    const answer = await ask('/predict/trained')
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('2')
    expect(errorBody.parse(answer.json())).toEqual(refusal)
  })

  test('what stands before the other pod does not speak in the name of this one', async () => {
    routeTo(
      await fake((_, response) => {
        response.writeHead(502, { 'content-type': 'text/html' }).end('<html>')
      }),
    )
    const answer = await ask('/predict/trained')
    expect(answer.statusCode).toBe(502)
    expect(answer.body).toBe('<html>')
    expect(answer.headers[HEADERS.requestId]).toBeDefined()
    expect(answer.headers[HEADERS.modelVersion]).toBeUndefined()
    expect(answer.headers[HEADERS.modelDigest]).toBeUndefined()
  })

  test('a version that is named may have labels of its own', async () => {
    routeTo(
      await fake((_, response) => {
        response.writeHead(200, { [HEADERS.modelVersion]: 'other' })
        response.end('{"text":"a good film","sentiment":"pleased","score":1}')
      }),
    )
    const answer = await ask('/predict/trained')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(predictResponse.parse(answer.json()).sentiment).toBe('pleased')
  })

  test('no answer within the deadline is 504', async () => {
    routeTo(await fake(() => undefined))
    const started = performance.now()
    const answer = await ask('/predict/trained', { [HEADERS.deadline]: '150' })
    expect(answer.statusCode).toBe(504)
    expect(performance.now() - started).toBeLessThan(8_000)
    expect(errorBody.parse(answer.json()).code).toBe('DeadlineExceeded')
  })

  test('a version that can not be reached is 502 and is named', async () => {
    routeTo('http://127.0.0.1:1')
    const answer = await ask('/predict/trained')
    expect(answer.statusCode).toBe(502)
    expect(errorBody.parse(answer.json())).toMatchObject({
      code: 'VersionUnreachable',
      message: expect.stringContaining('version other') as string,
    })
    expect(await front.registry.metrics()).toContain(
      'forwarded_requests_total{version="other",outcome="unreachable"} 1',
    )
  })

  test('a version without an endpoint is 502', async () => {
    current = { ...baseRouting, stable: 'other', endpoints: {} }
    expect(errorBody.parse((await ask('/predict/trained')).json()).code).toBe('VersionUnreachable')
  })

  test('a connection that the other side closes is tried once more', async () => {
    let requests = 0
    routeTo(
      await fake((request, response) => {
        if (++requests === 1) request.socket.destroy()
        else judgeAsOther(response)
      }),
    )
    expect((await ask('/predict/trained')).statusCode).toBe(200)
    expect(requests).toBe(2)
  })

  test('connections are kept for the next request', async () => {
    let connections = 0
    const { server, url } = await startFake((_, response) => judgeAsOther(response))
    server.on('connection', () => connections++)
    routeTo(url)
    for (let count = 0; count < 5; count++) await ask('/predict/trained')
    expect(connections).toBe(1)
  })
})
