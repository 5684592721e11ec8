import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { HEADERS } from '../contract/names.ts'
import { InferenceError } from './inference/inference-error.ts'
import { errorBody } from './schemas/error.ts'
import { fakeEngine } from './testing/fake-engine.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ listen: true, env: { MAX_BODY_BYTES: '4096', MAX_TEXT_CHARACTERS: '2000' } })
})
afterAll(async () => {
  await server.close()
})

async function predict(body: string | Uint8Array, headers: Record<string, string> = {}) {
  const answer = await server.app.inject({
    method: 'POST',
    url: '/predict',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof body === 'string' ? body : Buffer.from(body),
  })
  return { status: answer.statusCode, headers: answer.headers, json: answer.json<unknown>() }
}

const text = (value: unknown): string => JSON.stringify({ text: value })
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

describe('POST /predict refuses', () => {
  test.each<[string, string | Uint8Array, number, string, RegExp]>([
    ['a body that is no JSON', '{"text":', 400, 'InvalidJson', /not JSON/],
    ['an empty body', '', 400, 'BodyMissing', /send a JSON object/],
    [
      'invalid UTF-8',
      Uint8Array.from([...Buffer.from('{"text":"'), 0xff, 0xfe, 0x22, 0x7d]),
      400,
      'InvalidUtf8',
      /UTF-8/,
    ],
    [
      'an overlong encoding',
      Uint8Array.from([...Buffer.from('{"text":"'), 0xc0, 0xaf, 0x22, 0x7d]),
      400,
      'InvalidUtf8',
      /UTF-8/,
    ],
    ['deep nesting', `{"text":${nested(500)}}`, 400, 'BodyTooDeep', /32 levels/],
    ['nesting beside the text', `{"text":"good","x":${nested(20)}}`, 422, 'InvalidBody', /"x"/],
    ['an object without text', '{}', 422, 'InvalidBody', /body\.text/],
    ['null', 'null', 422, 'InvalidBody', /expected object/],
    ['an array', '["good"]', 422, 'InvalidBody', /expected object/],
    ['a number as text', text(3), 422, 'InvalidBody', /body\.text: .*number/],
    ['null as text', text(null), 422, 'InvalidBody', /body\.text/],
    ['a list as text', text(['good']), 422, 'InvalidBody', /body\.text/],
    ['an unknown field', '{"text":"good","lang":"en"}', 422, 'InvalidBody', /"lang"/],
    ['__proto__', '{"text":"good","__proto__":{"x":1}}', 422, 'InvalidBody', /__proto__/],
    ['constructor', '{"text":"good","constructor":{"prototype":{}}}', 422, 'InvalidBody', /constructor/],
    ['text only in the prototype', '{"__proto__":{"text":"good"}}', 422, 'InvalidBody', /text/],
    ['an empty text', text(''), 422, 'InvalidText', /empty or blank/],
    ['a blank text', text(' \n\t\u00a0\u3000'), 422, 'InvalidText', /empty or blank/],
    ['a text without a shape', text('\u200b\u00ad\ufeff'), 422, 'InvalidText', /empty or blank/],
    ['a replacement character alone', text('\ufffd'), 422, 'InvalidText', /^text has no character/],
    ['a C1 control alone', text('\u0081'), 422, 'InvalidText', /^text has no character/],
    ['a lone combining accent', text('\u0301'), 422, 'InvalidText', /^text has no character/],
    ['a lone surrogate', '{"text":"good \\ud83d"}', 422, 'InvalidText', /lone surrogate/],
    ['a NUL character', text('good\u0000'), 422, 'InvalidText', /U\+0000 at position 4/],
    ['an escape character', text('\u001b[31mgood'), 422, 'InvalidText', /U\+001B/],
    ['a text that is too long', text('a'.repeat(2001)), 413, 'TextTooLong', /2001 characters, at most 2000/],
    ['a body that is too large', text('a'.repeat(5000)), 413, 'BodyTooLarge', /too large/],
  ])('%s', async (_, body, status, code, message) => {
    const answer = await predict(body)
    expect(answer.status).toBe(status)
    expect(errorBody.parse(answer.json)).toMatchObject({ code, message: expect.stringMatching(message) as string })
    expect(answer.headers[HEADERS.modelVersion]).toBe(server.artifact.version)
    expect(answer.headers[HEADERS.modelDigest]).toBe(server.artifact.digest)
    expect(answer.headers[HEADERS.requestId]).toBeDefined()
  })

  test.each([
    ['text/plain', 'good'],
    ['application/x-www-form-urlencoded', 'text=good'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/jsonp', '{}'],
    ['nonsense', '{}'],
  ])('a body of type %s', async (type, body) => {
    const answer = await predict(body, { 'content-type': type })
    expect(answer.status).toBe(415)
    expect(errorBody.parse(answer.json).code).toBe('UnsupportedMediaType')
  })

  test('a compressed body', async () => {
    expect((await predict('x', { 'content-encoding': 'gzip' })).status).toBe(415)
  })

  test.each(['0', '-5', '1.5', 'soon', '', '99999999999', '1e3', '600001'])('a timeout of %j', async (value) => {
    const answer = await predict(text('good'), { [HEADERS.deadline]: value })
    expect(answer.status).toBe(400)
    expect(errorBody.parse(answer.json).code).toBe('InvalidTimeout')
  })
})

describe('paths and methods', () => {
  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const)(
    '%s /predict is 405 with what is allowed',
    async (method) => {
      const answer = await server.app.inject({ method, url: '/predict?x=1' })
      expect(answer.statusCode).toBe(405)
      expect(answer.headers['allow']).toBe('POST')
      expect(errorBody.parse(answer.json()).code).toBe('MethodNotAllowed')
    },
  )

  test('paths with parameters are known too', async () => {
    const answer = await server.app.inject({ method: 'GET', url: '/v2/models/sentiment/infer' })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers['allow']).toBe('POST')
    const health = await server.app.inject({ method: 'POST', url: '/healthz', payload: {} })
    expect(health.headers['allow']).toBe('GET, HEAD')
  })

  test.each(['/', '/nothing', '/predict/', '/predict/other', '//predict', '/predict/trained/x', '/__proto__'])(
    '%s is 404',
    async (url) => {
      const answer = await server.app.inject({ method: 'POST', url, payload: { text: 'good' } })
      expect(answer.statusCode).toBe(404)
      expect(errorBody.parse(answer.json()).code).toBe('NotFound')
    },
  )

  test('a path that is no valid URL is 400', async () => {
    const answer = await server.app.inject({ method: 'GET', url: '/v2/models/%zz' })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toHaveProperty('error')
    expect(answer.headers[HEADERS.modelVersion]).toBe(server.artifact.version)
    expect(answer.headers[HEADERS.requestId]).toBeDefined()
  })
})

describe('what is hardly HTTP', () => {
  const raw = (request: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url)
      let answer = ''
      const socket = connect(Number(port), hostname, () => socket.write(request))
      socket.on('data', (chunk) => (answer += chunk.toString()))
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
      socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')))
    })
  const bodyOf = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

  test.each<[string, string, number]>([
    ['garbage', 'hello\r\n\r\n', 400],
    ['two lengths', 'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['headers beyond any size', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    [
      'a broken chunk',
      'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['an unknown method', 'FOO /predict HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [
      'an unknown expectation',
      'POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: more\r\nContent-Length: 0\r\n\r\n',
      404,
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ])('%s is answered with an error of ours', async (_, request, status) => {
    const answer = await raw(request)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    if (!request.includes('healthz')) {
      errorBody.parse(bodyOf(answer))
      expect(answer).toContain(`${HEADERS.modelVersion}: ${server.artifact.version}`)
    }
  })

  test('a body shorter than announced leaves nothing behind', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write(
      'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"text"',
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    expect((await predict(text('good'))).status).toBe(200)
  })
})

describe('load', () => {
  const withEngine = async (error: InferenceError) =>
    startTestServer({
      engine: fakeEngine({
        infer: () => Promise.reject(error),
      }),
    })
  const ask = (own: TestServer) => own.app.inject({ method: 'POST', url: '/predict', payload: { text: 'good' } })

  test('a full queue is 429 and says when to come back', async () => {
    const own = await withEngine(new InferenceError('QueueFull', '512 texts are waiting', { retryAfterSeconds: 3 }))
    const answer = await ask(own)
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('3')
    expect(errorBody.parse(answer.json()).code).toBe('QueueFull')
    await own.close()
  })

  test.each([
    ['DeadlineExceeded', 504],
    ['EngineClosed', 503],
    ['InferenceFailed', 500],
    ['WorkerLost', 500],
  ] as const)('%s is %i', async (code, status) => {
    const own = await withEngine(new InferenceError(code, 'internals of the engine'))
    const answer = await ask(own)
    expect(answer.statusCode).toBe(status)
    expect(errorBody.parse(answer.json()).code).toBe(code)
    if (status === 500) expect(answer.body).not.toContain('internals')
    await own.close()
  })

  test("the caller's deadline reaches the engine", async () => {
    const deadlines: number[] = []
    const own = await startTestServer({
      engine: fakeEngine({
        infer: (_items, wait) => {
          deadlines.push(wait.deadline - performance.now())
          return Promise.resolve([Float32Array.of(0, 1)])
        },
      }),
    })
    const request = { method: 'POST', url: '/predict', payload: { text: 'good' } } as const
    await own.app.inject({ ...request, headers: { [HEADERS.deadline]: '250' } })
    await own.app.inject(request)
    expect(deadlines[0]).toBeGreaterThan(150)
    expect(deadlines[0]).toBeLessThanOrEqual(250)
    expect(deadlines[1]).toBeGreaterThan(9_000)
    await own.close()
  })

  test('a caller that goes away is told to the engine', async () => {
    const { promise: aborted, resolve: onAborted } = Promise.withResolvers<undefined>()
    const caller = new AbortController()
    const own = await startTestServer({
      listen: true,
      engine: fakeEngine({
        infer: (_items, wait) =>
          new Promise((_, reject) => {
            wait.signal?.addEventListener('abort', () => {
              reject(new InferenceError('Abandoned', 'gone'))
              onAborted(undefined)
            })
            caller.abort()
          }),
      }),
    })
    const request = fetch(`${own.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text('good'),
      signal: caller.signal,
    })
    await expect(request).rejects.toThrow()
    await aborted
    await expect
      .poll(async () => own.registry.metrics())
      .toContain('prediction_requests_total{endpoint="predict",status="499"} 1')
    await own.close()
  })
})

describe('fuzzing /predict', () => {
  const answersInShape = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
    const answer = await predict(body, headers)
    if (answer.status === 200) return
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    errorBody.parse(answer.json)
  }

  test('any bytes are answered with 200 or a 4xx in the shape of an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (body) => answersInShape(body)),
      { numRuns: 200 },
    )
  })

  test('any JSON is', async () => {
    const json = fc.oneof(
      fc.json({ maxDepth: 6 }),
      fc.jsonValue().map((value) => JSON.stringify({ text: value })),
    )
    await fc.assert(
      fc.asyncProperty(json, (body) => answersInShape(body)),
      { numRuns: 200 },
    )
  })

  test('any string as text is, and 200 gives the text back', async () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(anyText, async (value) => {
        await answersInShape(text(value))
        const answer = await predict(text(value))
        if (answer.status === 200) expect(answer.json).toMatchObject({ text: value })
      }),
      { numRuns: 200 },
    )
  })

  test('any header value is', async () => {
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 40 }).map((header) => header.trim())
    await fc.assert(
      fc.asyncProperty(value, value, (timeout, type) =>
        answersInShape(text('good'), { [HEADERS.deadline]: timeout, 'content-type': type, [HEADERS.requestId]: type }),
      ),
      { numRuns: 200 },
    )
  })
})
