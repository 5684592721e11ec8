/** The split between real servers, and what a candidate can do to callers: nothing but a bounded delay. */
import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { evidence, type FailureKind } from '../../contract/evidence.ts'
import { HEADERS } from '../../contract/names.ts'
import { routing, type Routing } from '../../contract/routing.ts'
import type { Wait } from '../inference/engine.ts'
import { InferenceError, type InferenceErrorCode } from '../inference/inference-error.ts'
import { errorBody } from '../schemas/error.ts'
import { inferResponse } from '../schemas/open-inference.ts'
import { predictBatchResponse, predictResponse } from '../schemas/predict.ts'
import { fakeEngine } from '../testing/fake-engine.ts'
import { startFake } from '../testing/fake-server.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

/** What nothing takes, also on a busy machine; far below the ten seconds that the caller would wait. */
const BOUND_MS = 4_000
const BUDGET_MS = 150
const TEXT = 'a good film'
const version = { [HEADERS.modelVersion]: 'candidate' }
let current: Routing
let stable: TestServer
let candidate: TestServer
let before: ReturnType<typeof snapshot>

beforeAll(async () => {
  candidate = await startTestServer({ version: 'candidate', listen: true, routing: () => contradictory() })
  stable = await startTestServer({ version: 'stable', listen: true, routing: () => current })
})
afterAll(async () => {
  await stable.close()
  await candidate.close()
})
beforeEach(() => {
  routeTo(candidate.url)
  before = snapshot()
})

/** All to the candidate, unless told otherwise. */
function routeTo(url: string | undefined, more: Partial<Routing> = {}): void {
  const endpoints = { stable: stable.url, ...(url === undefined ? {} : { candidate: url }) }
  const file = routing.parse({ epoch: 1, stable: 'stable', candidate: 'candidate', perMille: 1000, endpoints })
  current = { ...file, candidateTimeoutMs: BOUND_MS, ...more }
}
/** What the candidate's pods hold for the truth: that everything is stable's. */
const contradictory = (): Routing => ({ ...current, perMille: 0 })

const inputs = [{ name: 'text', datatype: 'BYTES', shape: [2], data: [TEXT, 'bad'] }]
interface Endpoint {
  url: string
  payload: object
}
const PREDICT = { url: '/predict', payload: { text: TEXT }, answer: predictResponse }
const BATCH = { url: '/predict/batch', payload: { texts: [TEXT, 'bad'] }, answer: predictBatchResponse }
const INFER = { url: '/v2/models/sentiment/infer', payload: { inputs }, answer: inferResponse }
const ENDPOINTS = [PREDICT, BATCH, INFER]

const ask = ({ url, payload }: Endpoint, headers: Record<string, string> = {}, server = stable) =>
  server.app.inject({ method: 'POST', url, payload, headers })

function snapshot(server = stable) {
  return evidence.parse(server.traffic.evidence.snapshot())
}

/** Of a version, since the test began. */
function counted(version: string) {
  const now = snapshot().arms[version]
  const then = before.arms[version]
  const reasons = Object.entries(now?.reasons ?? {}).flatMap(([kind, count]) => {
    const difference = count - (then?.reasons[kind] ?? 0)
    return difference === 0 ? [] : [[kind, difference] as const]
  })
  return { requests: (now?.requests ?? 0) - (then?.requests ?? 0), reasons: Object.fromEntries(reasons) }
}
const NOTHING = { requests: 0, reasons: {} }

describe('the split', () => {
  test.each(ENDPOINTS)('$url is answered by the candidate where it is chosen', async (endpoint) => {
    const answer = await ask(endpoint, { [HEADERS.requestId]: 'r-7' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({
      [HEADERS.modelVersion]: 'candidate',
      [HEADERS.modelDigest]: candidate.artifact.digest,
      [HEADERS.requestId]: 'r-7',
    })
    expect(answer.headers[HEADERS.fallback]).toBeUndefined()
    expect(answer.json()).toEqual((await ask(endpoint, version, candidate)).json())
    endpoint.answer.parse(answer.json())
    expect(counted('candidate')).toEqual({ requests: 1, reasons: {} })
    expect(counted('stable')).toEqual(NOTHING)
  })

  test.each(ENDPOINTS)('$url is answered by stable where that is chosen', async (endpoint) => {
    routeTo(candidate.url, { perMille: 0 })
    const answer = await ask(endpoint)
    expect(answer.headers[HEADERS.modelVersion]).toBe('stable')
    endpoint.answer.parse(answer.json())
    expect(counted('stable')).toEqual({ requests: 1, reasons: {} })
    expect(counted('candidate')).toEqual(NOTHING)
  })

  test('both get their share, and a caller with the sticky header stays with one', async () => {
    routeTo(candidate.url, { perMille: 500, stickyHeader: 'x-user' })
    const versionsOf = async (headers: (index: number) => Record<string, string>) => {
      const asked = Array.from({ length: 40 }, (_, index) => ask(PREDICT, headers(index)))
      return new Set((await Promise.all(asked)).map((answer) => answer.headers[HEADERS.modelVersion]))
    }
    expect(await versionsOf((index) => ({ [HEADERS.requestId]: `request-${index}` }))).toEqual(
      new Set(['stable', 'candidate']),
    )
    for (const user of ['ann', 'ben', 'cem', 'dee']) {
      const versions = await versionsOf((index) => ({ [HEADERS.requestId]: `request-${index}`, 'x-user': user }))
      expect(versions.size).toBe(1)
    }
    const { stable: own, candidate: other } = snapshot().arms
    expect(own?.latency.reduce((sum, count) => sum + count, 0)).toBe(own?.requests)
    expect(other?.latency.reduce((sum, count) => sum + count, 0)).toBe(other?.requests)
  })

  test('pods that contradict each other make no circle', async () => {
    const { evidence: seen } = candidate.traffic
    const earlier = seen.snapshot()
    const answer = await ask(PREDICT)
    expect(answer.headers[HEADERS.modelVersion]).toBe('candidate')
    // The candidate's own callers would be sent to stable; what stable has passed on is not, and is counted once, by stable.
    expect(seen.snapshot()).toEqual(earlier)
    expect((await ask(PREDICT, {}, candidate)).headers[HEADERS.modelVersion]).toBe('stable')
  })

  test('a caller is counted once in the metrics of all pods together', async () => {
    const ofPredict = async (server: TestServer, endpoint: string) =>
      new RegExp(`prediction_requests_total\\{endpoint="${endpoint}",status="200"\\} (\\d+)`).exec(
        await server.registry.metrics(),
      )?.[1]
    const candidateBefore = await ofPredict(candidate, 'predict')
    const forwardedBefore = Number((await ofPredict(candidate, 'forwarded')) ?? 0)
    const stableBefore = Number((await ofPredict(stable, 'predict')) ?? 0)
    await ask(PREDICT)
    expect(await ofPredict(candidate, 'predict')).toBe(candidateBefore)
    expect(Number(await ofPredict(candidate, 'forwarded'))).toBe(forwardedBefore + 1)
    expect(Number(await ofPredict(stable, 'predict'))).toBe(stableBefore + 1)
  })

  test('the evidence is on the port of the metrics', async () => {
    const answer = await stable.metricsApp.inject('/evidence')
    expect(answer.statusCode).toBe(200)
    expect(evidence.parse(answer.json())).toEqual(snapshot())
  })
})

describe('a version that the request names', () => {
  test.each([
    ['by the header', PREDICT, { [HEADERS.modelVersion]: 'candidate' }],
    ['by the header, for a batch', BATCH, { [HEADERS.modelVersion]: 'candidate' }],
    ['by the header, for the Open Inference Protocol', INFER, { [HEADERS.modelVersion]: 'candidate' }],
    ['by the path', { ...INFER, url: '/v2/models/sentiment/versions/candidate/infer' }, {}],
  ])('%s answers, whatever its share, and is no part of the arms', async (_, endpoint, headers) => {
    routeTo(candidate.url, { perMille: 0 })
    const answer = await ask(endpoint, headers)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers[HEADERS.modelVersion]).toBe('candidate')
    if (endpoint.url.startsWith('/v2')) expect(inferResponse.parse(answer.json()).model_version).toBe('candidate')
    expect(snapshot().forced['candidate']?.requests).toBe((before.forced['candidate']?.requests ?? 0) + 1)
    expect([counted('stable'), counted('candidate')]).toEqual([NOTHING, NOTHING])
  })

  test("is the pod's own where its own Service was asked", async () => {
    const answer = await ask(PREDICT, { host: 'stable.default.svc:8000' })
    expect(answer.headers[HEADERS.modelVersion]).toBe('stable')
    expect(snapshot().forced['stable']?.requests).toBe((before.forced['stable']?.requests ?? 0) + 1)
    expect([counted('stable'), counted('candidate')]).toEqual([NOTHING, NOTHING])
  })

  test('is 404 where there is none of that name, and those that there are get named', async () => {
    const answer = await ask(PREDICT, { [HEADERS.modelVersion]: 'other' })
    expect(answer.statusCode).toBe(404)
    expect(errorBody.parse(answer.json())).toMatchObject({
      code: 'VersionNotFound',
      message: expect.stringMatching(/"other"; there is candidate, stable/),
    })
    expect((await ask({ ...INFER, url: '/v2/models/sentiment/versions/other/infer' })).statusCode).toBe(404)
  })

  test('answers, or nobody does: there is no other answer in its place', async () => {
    const { url } = await startFake((_, response) => response.writeHead(500).end('{}'))
    routeTo(url)
    const answer = await ask(PREDICT, { [HEADERS.modelVersion]: 'candidate' })
    expect(answer.statusCode).toBe(500)
    expect(answer.headers[HEADERS.fallback]).toBeUndefined()
    expect(snapshot().forced['candidate']?.failures).toBe((before.forced['candidate']?.failures ?? 0) + 1)
  })

  test('is not taken for another version that is at its address', async () => {
    routeTo(stable.url)
    const answer = await ask(PREDICT, { [HEADERS.modelVersion]: 'candidate' })
    expect(answer.statusCode).toBe(502)
    expect(errorBody.parse(answer.json()).code).toBe('VersionUnreachable')
  })
})

const sends =
  (status: number, body: string, headers: Record<string, string> = version): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }
const after =
  (delayMs: number, listener: RequestListener): RequestListener =>
  (request, response) =>
    void setTimeout(() => listener(request, response), delayMs)
/** A correct answer to /predict. */
const judged = JSON.stringify({ text: TEXT, sentiment: 'negative', score: 0.75 })
const MEBIBYTE = Buffer.alloc(1024 * 1024, 'x')

const faults: [string, FailureKind, RequestListener][] = [
  ['hangs before its headers', 'timeout', () => undefined],
  ['hangs in the middle of its body', 'timeout', (_, response) => void response.writeHead(200, version).write('{"te')],
  [
    'trickles its body',
    'timeout',
    (_, response) => {
      response.writeHead(200, version)
      const timer = setInterval(() => response.write(' '), 20)
      response.once('close', () => clearInterval(timer))
    },
  ],
  ['answers later than it is waited for', 'timeout', after(4 * BUDGET_MS, sends(200, judged))],
  ['says itself that it was too slow', 'timeout', sends(504, '{}')],
  ['resets the connection', 'unreachable', (request) => void request.socket.resetAndDestroy()],
  ['closes the connection', 'unreachable', (request) => void request.socket.destroy()],
  [
    'closes the connection in the middle of its body',
    'unreachable',
    (request, response) => {
      response.writeHead(200, { ...version, 'content-length': 1000 }).write('{"text"', () => request.socket.destroy())
    },
  ],
  ['speaks no HTTP', 'garbage', (request) => void request.socket.end('220 mail.example.com ESMTP\r\n')],
  ['answers with no JSON', 'garbage', sends(200, '<html>')],
  ['answers with nothing', 'garbage', sends(200, '')],
  ['answers with other JSON', 'garbage', sends(200, '{"label":"positive"}')],
  ['judges another text', 'garbage', sends(200, judged.replace(TEXT, 'a bad film'))],
  ['judges one text too few', 'garbage', sends(200, '{"predictions":[]}')],
  [
    'answers without end',
    'garbage',
    (_, response) => {
      response.writeHead(200, version)
      const more = (): boolean => !response.destroyed && response.write(MEBIBYTE, more)
      more()
    },
  ],
  ['has headers without end', 'garbage', sends(200, judged, { ...version, 'x-long': 'x'.repeat(200_000) })],
  ['is of another version', 'garbage', sends(200, judged, { [HEADERS.modelVersion]: 'older' })],
  ['does not say its version', 'garbage', sends(200, judged, {})],
  ['redirects', 'garbage', sends(302, '', { ...version, location: 'http://127.0.0.1:1/' })],
  ['finds another label than there is', 'garbage', sends(200, judged.replace('negative', 'purple'))],
  ['answers far longer than it was asked', 'garbage', sends(200, judged + ' '.repeat(100_000))],
  ['fails', 'error', sends(500, '{}')],
  ['says of the caller that it has left', 'error', sends(499, '{"code":"Abandoned"}')],
  ['is behind something that fails', 'error', sends(502, '<html>', {})],
  ['refuses what is no bad input', 'error', sends(422, '{"code":"InvalidText"}')],
  ['does not know the path', 'error', sends(404, '{"code":"NotFound"}')],
  ['is overloaded', 'refused', sends(429, '{"code":"QueueFull"}')],
  ['is going away', 'refused', sends(503, '{"code":"EngineClosed"}')],
]

describe('a candidate that', () => {
  async function expectOwnAnswers(kind: FailureKind): Promise<void> {
    for (const endpoint of ENDPOINTS) {
      const started = performance.now()
      const answer = await ask(endpoint)
      expect(performance.now() - started).toBeLessThan(BOUND_MS)
      expect(answer.statusCode).toBe(200)
      expect(answer.headers).toMatchObject({
        [HEADERS.modelVersion]: 'stable',
        [HEADERS.modelDigest]: stable.artifact.digest,
        [HEADERS.fallback]: kind,
      })
      endpoint.answer.parse(answer.json())
      expect(answer.body).toContain('positive')
    }
    expect(counted('candidate')).toEqual({ requests: 3, reasons: { [kind]: 3 } })
    expect(counted('stable')).toEqual(NOTHING)
  }

  test.each(faults)('%s costs callers a bounded delay and counts as %s', async (_, kind, listener) => {
    const { url } = await startFake(listener)
    routeTo(url, kind === 'timeout' ? { candidateTimeoutMs: BUDGET_MS } : {})
    await expectOwnAnswers(kind)
  })

  const inferred = (more: object = {}, sentiment: unknown[] = ['negative', 'negative']) => ({
    model_name: 'sentiment',
    model_version: 'candidate',
    id: 'i-1',
    outputs: [{ name: 'sentiment', datatype: 'BYTES', shape: [2], data: sentiment }],
    ...more,
  })

  test.each<[string, object, boolean]>([
    ['right', inferred(), true],
    ['with more than this release knows', inferred({ parameters: {} }), true],
    ['of another version than its header says', inferred({ model_version: 'older' }), false],
    ['of another model', inferred({ model_name: 'other' }), false],
    ['to another request', inferred({ id: 'i-2' }), false],
    ['without the id', inferred({ id: undefined }), false],
    ['with a label that there is not', inferred({}, ['negative', 'purple']), false],
    ['with a number for a label', inferred({}, ['negative', 1]), false],
    ['with another output', inferred({ outputs: [{ ...inferred().outputs[0], name: 'score' }] }), false],
  ])('answers the Open Inference Protocol %s', async (_, body, isRelayed) => {
    // Its content type is not what callers get.
    const { url } = await startFake((_request, response) => response.writeHead(200, version).end(JSON.stringify(body)))
    routeTo(url)
    const answer = await ask({ ...INFER, payload: { id: 'i-1', inputs, outputs: [{ name: 'sentiment' }] } })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(answer.headers[HEADERS.fallback]).toBe(isRelayed ? undefined : 'garbage')
    expect(inferResponse.parse(answer.json())).toMatchObject({
      model_version: isRelayed ? 'candidate' : 'stable',
      id: 'i-1',
    })
  })

  test('answers with more than this release knows answers with what it knows', async () => {
    const { url } = await startFake((_, response) =>
      response.writeHead(200, version).end(JSON.stringify({ ...JSON.parse(judged), more: 1 })),
    )
    routeTo(url)
    const answer = await ask(PREDICT)
    expect(answer.headers).toMatchObject({ ...version, 'content-type': 'application/json; charset=utf-8' })
    expect(answer.json()).toEqual(JSON.parse(judged))
  })

  test.each([
    [
      'of numbers that are longer written out',
      { parameters: { weights: Array.from({ length: 100_000 }, () => 1e20) } },
    ],
    ['of outputs, again and again', { outputs: Array.from({ length: 20_000 }, () => ({ name: 'logits' })) }],
  ])('is asked for no more than the question is, in a request %s', async (_, more) => {
    const payload = JSON.stringify({ ...INFER.payload, ...more }).replaceAll(/1(0{20})/g, '1e20')
    const answer = await stable.app.inject({
      method: 'POST',
      url: INFER.url,
      headers: { 'content-type': 'application/json' },
      payload,
    })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject(version)
    expect(answer.headers[HEADERS.fallback]).toBeUndefined()
    expect(counted('candidate')).toEqual({ requests: 1, reasons: {} })
  })

  test('has many short texts to judge may say much about each', async () => {
    const texts = Array.from({ length: 128 }, () => 'a')
    const many = [{ name: 'text', datatype: 'BYTES', shape: [texts.length], data: texts }]
    for (const endpoint of [
      { ...BATCH, payload: { texts } },
      { ...INFER, payload: { inputs: many } },
    ]) {
      expect((await ask(endpoint)).headers).toMatchObject(version)
    }
    expect(counted('candidate')).toEqual({ requests: 2, reasons: {} })
  })

  test.each([
    ['is gone', 'http://127.0.0.1:1'],
    ['has no address', undefined],
  ])('%s costs callers nothing and counts as unreachable', async (_, url) => {
    routeTo(url)
    await expectOwnAnswers('unreachable')
  })

  test('is slow, but not too slow, answers itself, and is counted where there is an objective', async () => {
    const { url } = await startFake(after(100, sends(200, judged)))
    routeTo(url)
    expect((await ask(PREDICT)).headers[HEADERS.modelVersion]).toBe('candidate')
    expect(counted('candidate')).toEqual({ requests: 1, reasons: {} })
    routeTo(url, { latencySloMs: 20 })
    const answer = await ask(PREDICT)
    expect(answer.headers[HEADERS.modelVersion]).toBe('candidate')
    expect(answer.headers[HEADERS.fallback]).toBeUndefined()
    expect(counted('candidate')).toEqual({ requests: 2, reasons: { slow: 1 } })
  })

  test('hangs leaves the own version half of the time that the caller has', async () => {
    const { url } = await startFake(() => undefined)
    routeTo(url, { candidateTimeoutMs: 60_000 })
    const answer = await ask(PREDICT, { [HEADERS.deadline]: '3000' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers[HEADERS.fallback]).toBe('timeout')
  })

  test('hangs has a bounded number of callers waiting for it, and the others are answered at once', async () => {
    const { url } = await startFake(() => undefined)
    routeTo(url)
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(PREDICT)))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200))
    expect(counted('candidate')).toEqual({ requests: 300, reasons: { timeout: 256, refused: 44 } })
  })

  test('fails when the own version fails too leaves the caller with what stable alone would have given', async () => {
    const full = await startTestServer({ version: 'stable', routing: () => current, engine: failing('QueueFull') })
    try {
      const { url } = await startFake(sends(500, '{}'))
      routeTo(url)
      const answer = await ask(PREDICT, {}, full)
      expect(answer.statusCode).toBe(429)
      expect(snapshot(full).arms).toEqual({
        candidate: expect.objectContaining({ requests: 1, reasons: { error: 1 } }),
      })
    } finally {
      await full.close()
    }
  })
})

describe('bad input', () => {
  test.each([
    ['without a text', { text: ' ' }],
    ['with a field too many', { text: 'good', more: 1 }],
    ['that is no object', []],
  ])('%s goes nowhere and counts for nobody', async (_, payload) => {
    routeTo('http://127.0.0.1:1')
    expect((await ask({ url: '/predict', payload })).statusCode).toBe(422)
    expect([counted('stable'), counted('candidate')]).toEqual([NOTHING, NOTHING])
  })

  test('that only a tokenizer finds counts for nobody, whichever version finds it', async () => {
    const endpoint = { url: '/predict', payload: { text: '\u0301' } }
    for (const perMille of [0, 1000]) {
      routeTo(candidate.url, { perMille })
      const answer = await ask(endpoint)
      expect(answer.statusCode).toBe(422)
      expect(errorBody.parse(answer.json()).code).toBe('InvalidText')
      expect(answer.headers[HEADERS.modelVersion]).toBe('stable')
    }
    expect([counted('stable'), counted('candidate')]).toEqual([NOTHING, NOTHING])
  })
})

describe('a caller that leaves', () => {
  async function leaveAfter(delayMs: number): Promise<void> {
    const arrived = Promise.withResolvers<undefined>()
    const { url } = await startFake(() => arrived.resolve(undefined))
    routeTo(url, { ...current, candidateTimeoutMs: 60_000, endpoints: { candidate: url } })
    const controller = new AbortController()
    const asked = fetch(`${stable.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [HEADERS.deadline]: '100000' },
      body: JSON.stringify(PREDICT.payload),
      signal: controller.signal,
    })
    await arrived.promise
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    controller.abort()
    await expect(asked).rejects.toThrow()
  }

  test.each([0, 100])(
    'after %i ms is a failure of the candidate that hangs, not one that was never asked',
    async (delayMs) => {
      await leaveAfter(delayMs)
      await expect.poll(() => counted('candidate')).toEqual({ requests: 1, reasons: { abandoned: 1 } })
      expect(counted('stable')).toEqual(NOTHING)
    },
  )

  const judged = [Float32Array.of(0, 1)]
  test.each<[string, (wait: Wait) => Promise<Float32Array[]>]>([
    [
      'gives up',
      ({ signal }) =>
        new Promise((_, reject) =>
          signal?.addEventListener('abort', () => reject(new InferenceError('Abandoned', 'the caller went away'))),
        ),
    ],
    ['answers nobody any more', () => new Promise((resolve) => setTimeout(resolve, 150, judged))],
  ])('is one of the own version that %s', async (_, infer) => {
    const arrived = Promise.withResolvers<undefined>()
    const engine = {
      ...failing('QueueFull'),
      infer(_items: unknown, wait: Wait) {
        arrived.resolve(undefined)
        return infer(wait)
      },
    }
    const server = await startTestServer({ version: 'stable', routing: () => current, engine, listen: true })
    try {
      routeTo(candidate.url, { perMille: 0 })
      const controller = new AbortController()
      const asked = fetch(`${server.url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(PREDICT.payload),
        signal: controller.signal,
      })
      await arrived.promise
      controller.abort()
      await expect(asked).rejects.toThrow()
      await expect.poll(() => snapshot(server).arms['stable']).toMatchObject({ requests: 1, reasons: { abandoned: 1 } })
    } finally {
      await server.close()
    }
  })
})

const failing = (code: InferenceErrorCode) =>
  fakeEngine({ infer: () => Promise.reject(new InferenceError(code, 'no')) })

describe('the own version is counted as the other one is', () => {
  test.each<[InferenceErrorCode, FailureKind]>([
    ['QueueFull', 'refused'],
    ['EngineClosed', 'refused'],
    ['DeadlineExceeded', 'timeout'],
    ['InferenceFailed', 'error'],
    ['WorkerLost', 'error'],
  ])('%s is %s', async (code, kind) => {
    const server = await startTestServer({ version: 'stable', routing: () => current, engine: failing(code) })
    try {
      routeTo(candidate.url, { perMille: 0 })
      const answer = await ask(PREDICT, {}, server)
      expect(answer.statusCode).toBeGreaterThanOrEqual(429)
      expect(answer.headers[HEADERS.fallback]).toBeUndefined()
      expect(snapshot(server).arms).toEqual({
        stable: expect.objectContaining({ requests: 1, reasons: { [kind]: 1 } }),
      })
    } finally {
      await server.close()
    }
  })

  test('an answer that comes later than the candidate would be waited for is slow', async () => {
    const late = {
      ...failing('QueueFull'),
      infer: () => new Promise<Float32Array[]>((resolve) => setTimeout(resolve, 100, [Float32Array.of(0, 1)])),
    }
    const server = await startTestServer({ version: 'stable', routing: () => current, engine: late })
    try {
      routeTo(candidate.url, { perMille: 0, candidateTimeoutMs: 50 })
      expect((await ask(PREDICT, {}, server)).statusCode).toBe(200)
      expect(snapshot(server).arms['stable']).toMatchObject({ requests: 1, reasons: { slow: 1 } })
    } finally {
      await server.close()
    }
  })
})

describe('a pod that stops', () => {
  test('answers what the candidate owes', async () => {
    const arrived = Promise.withResolvers<undefined>()
    const { url } = await startFake(() => arrived.resolve(undefined))
    routeTo(url, { candidateTimeoutMs: 500 })
    const server = await startTestServer({ version: 'stable', routing: () => current, listen: true })
    const asked = fetch(`${server.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(PREDICT.payload),
    })
    await arrived.promise
    server.lifecycle.startDraining()
    const closed = server.close()
    const answer = await asked
    expect(answer.status).toBe(200)
    expect(answer.headers.get(HEADERS.fallback)).toBe('timeout')
    await closed
  })
})
