import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { z } from 'zod'
import { HEADERS } from '../contract/names.ts'
import { errorBody, openInferenceError } from './schemas/error.ts'
import { inferResponse, modelMetadata, serverMetadata } from './schemas/open-inference.ts'
import { predictBatchResponse, predictResponse } from './schemas/predict.ts'
import { LABELS, MAX_LENGTH, expectedIds, expectedLogits } from './testing/tiny-model.ts'
import { fakeEngine } from './testing/fake-engine.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ env: { MODEL_NAME: 'reviews' } })
})
afterAll(async () => {
  await server.close()
})

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  server.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
const get = (url: string) => server.app.inject({ method: 'GET', url })
const parsed = <Schema extends z.ZodType>(schema: Schema, answer: { json(): unknown }): z.output<Schema> =>
  schema.parse(answer.json())

describe('POST /predict', () => {
  test('a plainly positive sentence is positive, with a score above one half', async () => {
    const answer = await post('/predict', { text: 'I loved this movie, it was brilliant!' })
    expect(answer.statusCode).toBe(200)
    const body = parsed(predictResponse, answer)
    expect(body).toMatchObject({ text: 'I loved this movie, it was brilliant!', sentiment: 'positive' })
    expect(body.score).toBeGreaterThan(0.5)
  })

  test('a plainly negative sentence is negative, with a score above one half', async () => {
    const body = parsed(predictResponse, await post('/predict', { text: 'A terrible, boring film.' }))
    expect(body.sentiment).toBe('negative')
    expect(body.score).toBeGreaterThan(0.5)
  })

  test("the score is the predicted label's probability", async () => {
    const [negative = 0, positive = 0] = expectedLogits(expectedIds('good bad film'))
    const body = parsed(predictResponse, await post('/predict', { text: 'good bad film' }))
    expect(body.score).toBeCloseTo(1 / (1 + Math.exp(-Math.abs(positive - negative))), 5)
  })

  test('the answer names the version, the digest and the request', async () => {
    const { headers } = await post('/predict', { text: 'good' }, { [HEADERS.requestId]: 'caller-7' })
    expect(headers[HEADERS.modelVersion]).toBe(server.artifact.version)
    expect(headers[HEADERS.modelDigest]).toBe(server.artifact.digest)
    expect(headers[HEADERS.requestId]).toBe('caller-7')
    expect(headers[HEADERS.truncated]).toBeUndefined()
  })

  test('a request id that logs can not carry is replaced', async () => {
    const { headers } = await post('/predict', { text: 'good' }, { [HEADERS.requestId]: 'a b"c' })
    expect(headers[HEADERS.requestId]).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('a text beyond the maximal length is cut, and the answer says so', async () => {
    const answer = await post('/predict', { text: 'good '.repeat(MAX_LENGTH) + 'bad' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers[HEADERS.truncated]).toBe('true')
  })

  test('a C1 control inside a text, as reviews have them, is ordinary', async () => {
    expect((await post('/predict', { text: 'good\u0096film' })).statusCode).toBe(200)
  })

  test('tabs and newlines are ordinary', async () => {
    expect((await post('/predict', { text: 'good\n\tfilm\r\n' })).statusCode).toBe(200)
  })
})

describe('POST /predict/batch', () => {
  test('gives one prediction for each text, in order', async () => {
    const body = parsed(predictBatchResponse, await post('/predict/batch', { texts: ['good', 'bad', 'great'] }))
    expect(body.predictions.map(({ text, sentiment }) => [text, sentiment])).toEqual([
      ['good', 'positive'],
      ['bad', 'negative'],
      ['great', 'positive'],
    ])
  })

  test('more texts than are taken are refused', async () => {
    const answer = await post('/predict/batch', { texts: Array.from({ length: 129 }, () => 'good') })
    expect(answer.statusCode).toBe(422)
    expect(parsed(errorBody, answer)).toMatchObject({ code: 'TooManyTexts' })
  })

  test('names the text that no token is left of', async () => {
    const answer = await post('/predict/batch', { texts: ['good', '\u0301'] })
    expect(answer.statusCode).toBe(422)
    expect(parsed(errorBody, answer)).toMatchObject({
      code: 'InvalidText',
      message: expect.stringContaining('texts[1]') as string,
    })
  })

  test('names the text that is refused', async () => {
    const answer = await post('/predict/batch', { texts: ['good', ' '] })
    expect(parsed(errorBody, answer)).toMatchObject({
      code: 'InvalidText',
      message: expect.stringContaining('texts[1]') as string,
    })
  })
})

describe('aliases without a routing file', () => {
  test('trained is the model itself', async () => {
    expect(parsed(predictResponse, await post('/predict/trained', { text: 'good' })).sentiment).toBe('positive')
  })

  test('naive is 404 and says what to declare', async () => {
    const answer = await post('/predict/naive', { text: 'good' })
    expect(answer.statusCode).toBe(404)
    expect(parsed(errorBody, answer)).toMatchObject({
      code: 'BaselineNotDeclared',
      message: expect.stringContaining('spec.baseline') as string,
    })
  })
})

describe('Open Inference Protocol', () => {
  const input = (data: unknown, shape: number[], more: object = {}) => ({
    inputs: [{ name: 'text', datatype: 'BYTES', shape, data }],
    ...more,
  })

  test('describes the server and the model', async () => {
    expect(parsed(serverMetadata, await get('/v2')).name).toBe('valence')
    for (const path of ['/v2/models/reviews', `/v2/models/reviews/versions/${server.artifact.version}`]) {
      const model = parsed(modelMetadata, await get(path))
      expect(model).toMatchObject({ name: 'reviews', versions: [server.artifact.version] })
      expect(model.outputs.find(({ name }) => name === 'logits')?.shape).toEqual([-1, LABELS.length])
    }
  })

  test.each(['/v2/health/live', '/v2/health/ready', '/v2/models/reviews/ready'])('%s is 200', async (path) => {
    expect((await get(path)).statusCode).toBe(200)
  })

  test.each([
    ['flat', ['good', 'bad'], [2]],
    ['of two dimensions', [['good'], ['bad']], [2, 1]],
    ['flattened', ['good', 'bad'], [2, 1]],
  ])('infers data that is %s', async (_, data, shape) => {
    for (const path of ['/v2/models/reviews/infer', `/v2/models/reviews/versions/${server.artifact.version}/infer`]) {
      const answer = await post(path, input(data, shape, { id: 'x1' }))
      expect(answer.statusCode).toBe(200)
      const body = parsed(inferResponse, answer)
      expect(body).toMatchObject({ id: 'x1', model_name: 'reviews', model_version: server.artifact.version })
      const outputs = Object.fromEntries(body.outputs.map((output) => [output.name, output]))
      expect(outputs['sentiment']).toMatchObject({ datatype: 'BYTES', shape: [2], data: ['positive', 'negative'] })
      expect(outputs['score']).toMatchObject({ datatype: 'FP32', shape: [2] })
      expect(outputs['probabilities']).toMatchObject({ datatype: 'FP32', shape: [2, 2] })
      const [negative = 0, positive = 0] = expectedLogits(expectedIds('good'))
      expect(outputs['logits']?.data[0]).toBeCloseTo(negative, 5)
      expect(outputs['logits']?.data[1]).toBeCloseTo(positive, 5)
    }
  })

  test('gives only the outputs that were asked for', async () => {
    const body = parsed(
      inferResponse,
      await post('/v2/models/reviews/infer', input(['good'], [1], { outputs: [{ name: 'score' }] })),
    )
    expect(body.outputs.map(({ name }) => name)).toEqual(['score'])
  })

  test.each<[string, string, unknown, number]>([
    ['an unknown model', '/v2/models/other/infer', input(['good'], [1]), 404],
    ['an unknown version', '/v2/models/reviews/versions/7/infer', input(['good'], [1]), 404],
    [
      'another input',
      '/v2/models/reviews/infer',
      { inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['a'] }] },
      422,
    ],
    [
      'another datatype',
      '/v2/models/reviews/infer',
      { inputs: [{ name: 'text', datatype: 'FP32', shape: [1], data: ['a'] }] },
      422,
    ],
    ['numbers as data', '/v2/models/reviews/infer', input([1], [1]), 422],
    ['a shape that does not fit the data', '/v2/models/reviews/infer', input(['good'], [2]), 422],
    ['a shape of three dimensions', '/v2/models/reviews/infer', input(['good'], [1, 1, 1]), 422],
    ['no inputs', '/v2/models/reviews/infer', { inputs: [] }, 422],
    ['an unknown output', '/v2/models/reviews/infer', input(['good'], [1], { outputs: [{ name: 'mood' }] }), 422],
    ['a blank text', '/v2/models/reviews/infer', input([' '], [1]), 422],
    ['no JSON', '/v2/models/reviews/infer', '{', 400],
  ])('refuses %s in the form of the protocol', async (_, path, body, status) => {
    const answer = await post(path, body)
    expect(answer.statusCode).toBe(status)
    expect(parsed(openInferenceError, answer).error).not.toBe('')
    expect(answer.headers[HEADERS.modelVersion]).toBe(server.artifact.version)
  })

  test.each(['/v2/models/other', '/v2/models/other/ready', '/v2/models/reviews/versions/7', '/v2/nothing'])(
    'GET %s is 404 in the form of the protocol',
    async (path) => {
      const answer = await get(path)
      expect(answer.statusCode).toBe(404)
      parsed(openInferenceError, answer)
    },
  )
})

describe('documentation', () => {
  test('/openapi.json describes every endpoint with its errors', async () => {
    const document = (await get('/openapi.json')).json<{
      paths: Record<string, Record<string, { responses: object }>>
    }>()
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/predict',
      '/predict/batch',
      '/predict/naive',
      '/predict/trained',
      '/readyz',
      '/v2',
      '/v2/health/live',
      '/v2/health/ready',
      '/v2/models/{model}',
      '/v2/models/{model}/infer',
      '/v2/models/{model}/ready',
      '/v2/models/{model}/versions/{version}',
      '/v2/models/{model}/versions/{version}/infer',
      '/v2/models/{model}/versions/{version}/ready',
    ])
    expect(Object.keys(document.paths['/predict']?.['post']?.responses ?? {})).toEqual(['200', '4XX', '5XX'])
  })

  test('/docs loads nothing from elsewhere', async () => {
    const page = await get('/docs/')
    expect(page.statusCode).toBe(200)
    const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
    expect(sources.length).toBeGreaterThan(3)
    for (const source of sources) {
      expect(source).not.toMatch(/^(https?:)?\/\//)
      expect((await get(new URL(source, 'http://server/docs/').pathname)).statusCode).toBe(200)
    }
    expect((await get('/docs/static/swagger-initializer.js')).body).toMatch(/"validatorUrl":\s*null/)
  })
})

describe('readiness', () => {
  test('is false before the golden inference and while draining, and draining answers close their connections', async () => {
    const own = await startTestServer()
    try {
      const ready = async () => (await own.app.inject('/readyz')).statusCode
      expect(await ready()).toBe(200)
      own.lifecycle.startDraining()
      own.lifecycle.markReady()
      expect(await ready()).toBe(503)
      expect((await own.app.inject('/v2/health/ready')).statusCode).toBe(503)
      const answer = await own.app.inject({ method: 'POST', url: '/predict', payload: { text: 'good' } })
      expect(answer.statusCode).toBe(200)
      expect(answer.headers.connection).toBe('close')
      expect((await own.app.inject('/healthz')).statusCode).toBe(200)
    } finally {
      await own.close()
    }
  })

  test('is false without a live worker', async () => {
    const own = await startTestServer({
      engine: fakeEngine({
        liveWorkers: 0,
      }),
    })
    expect((await own.app.inject('/readyz')).json()).toMatchObject({
      ready: false,
      reason: 'no inference worker is alive',
    })
    await own.close()
  })
})

describe('metrics', () => {
  test("carry the original's names and count what happened", async () => {
    const own = await startTestServer()
    try {
      const predict = (payload: object) => own.app.inject({ method: 'POST', url: '/predict', payload })
      await predict({ text: 'good' })
      await predict({ text: 'bad '.repeat(40) })
      await predict({ text: '' })
      const text = await own.registry.metrics()
      expect(text).toContain('prediction_requests_total{endpoint="predict",status="200"} 2')
      expect(text).toContain('prediction_requests_total{endpoint="predict",status="422"} 1')
      expect(text).toContain('prediction_duration_seconds_count{endpoint="predict"} 3')
      expect(text).toContain('sentiment_score_count{sentiment="positive"} 1')
      expect(
        [...text.matchAll(/sentiment_score_bucket\{le="([^"]+)",sentiment="negative"\}/g)].map((m) => m[1]),
      ).toEqual(['0', '0.25', '0.5', '0.75', '1', '+Inf'])
      expect(text).toContain('prediction_truncated_total 1')
      for (const stage of ['tokenize', 'queue', 'inference']) {
        expect(text).toContain(`prediction_stage_duration_seconds_count{stage="${stage}"} 2`)
      }
      expect(text).toContain('inference_workers 1')
      expect(text).toContain('inference_queue_depth 0')
    } finally {
      await own.close()
    }
  })
})

describe('closing', () => {
  test('answers what was taken, although the port is closed meanwhile', async () => {
    const { promise: taken, resolve: onTaken } = Promise.withResolvers<undefined>()
    const { promise: logits, resolve: answer } = Promise.withResolvers<Float32Array[]>()
    const own = await startTestServer({
      listen: true,
      engine: fakeEngine({
        infer: () => {
          onTaken(undefined)
          return logits
        },
      }),
    })
    const request = fetch(`${own.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'good' }),
    })
    await taken
    own.lifecycle.startDraining()
    const closed = own.close()
    await expect(fetch(`${own.url}/healthz`)).rejects.toThrow()
    answer([Float32Array.of(0, 1)])
    expect((await request).status).toBe(200)
    await closed
  })
})
