/** The second judgement that nobody waits for. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ShadowCounters } from '../../contract/evidence.ts'
import { HEADERS } from '../../contract/names.ts'
import { routing, type Routing } from '../../contract/routing.ts'
import { startFake } from '../testing/fake-server.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let current: Routing
let stable: TestServer
let before: ShadowCounters

const NONE = { samples: 0, disagreements: 0, negToPos: 0, posToNeg: 0, distance: 0, failures: 0, dropped: 0 }
const shadow = (): ShadowCounters => stable.traffic.evidence.snapshot().shadow['candidate'] ?? NONE
/** Since the test began. */
const counted = (): ShadowCounters => {
  const now = shadow()
  const difference = (name: keyof ShadowCounters) => [name, now[name] - before[name]] as const
  return Object.fromEntries((Object.keys(NONE) as (keyof ShadowCounters)[]).map(difference)) as ShadowCounters
}

beforeAll(async () => {
  stable = await startTestServer({ version: 'stable', routing: () => current, listen: true })
})
afterAll(async () => {
  await stable.close()
})
beforeEach(() => {
  before = shadow()
})

function shadowAt(url: string, more: Partial<Routing> = {}): void {
  const endpoints = { stable: stable.url, candidate: url }
  const file = routing.parse({ epoch: 1, stable: 'stable', candidate: 'candidate', shadowPerMille: 1000, endpoints })
  current = { ...file, ...more }
}

const ask = (texts: string[], headers: Record<string, string> = {}) =>
  stable.app.inject({ method: 'POST', url: '/predict/batch', payload: { texts }, headers })

interface Asked {
  url: string | undefined
  headers: IncomingMessage['headers']
  texts: string[]
}

/** Finds every text as negative as stable finds "good" positive. */
function contrarian(seen: Asked[], version = 'candidate'): RequestListener {
  return (request, response) => {
    void bodyOf(request).then((body) => {
      const texts = (JSON.parse(body) as { inputs?: { data: string[] }[] }).inputs?.[0]?.data ?? []
      seen.push({ url: request.url, headers: request.headers, texts })
      answer(response, texts, version)
    })
  }
}

function answer(response: ServerResponse, texts: string[], version: string): void {
  const outputs = [
    { name: 'sentiment', datatype: 'BYTES', shape: [texts.length], data: texts.map(() => 'negative') },
    { name: 'probabilities', datatype: 'FP32', shape: [texts.length, 2], data: texts.flatMap(() => [1, 0]) },
  ]
  response.writeHead(200, { 'content-type': 'application/json', [HEADERS.modelVersion]: version })
  response.end(JSON.stringify({ model_name: 'sentiment', model_version: version, outputs }))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

describe('the shadow', () => {
  test('finds nothing between two pods with the same model', async () => {
    const candidate = await startTestServer({ version: 'candidate', listen: true, routing: () => current })
    try {
      shadowAt(candidate.url)
      const answered = await ask(['a good film', 'boring'])
      expect(answered.headers[HEADERS.modelVersion]).toBe('stable')
      await expect.poll(counted).toEqual({ ...NONE, samples: 2 })
      // It is no request of the candidate's own, and starts no shadow there.
      expect(candidate.traffic.evidence.snapshot()).toMatchObject({ arms: {}, forced: {}, shadow: {} })
    } finally {
      await candidate.close()
    }
  })

  test('asks by the path of the candidate alone, and counts disagreements with their direction and distance', async () => {
    const seen: Asked[] = []
    shadowAt((await startFake(contrarian(seen))).url)
    await ask(['good', 'bad'], { [HEADERS.requestId]: 'r-3' })
    await expect.poll(counted).toMatchObject({ samples: 2, disagreements: 1, posToNeg: 1, negToPos: 0 })
    expect(counted().distance).toBeGreaterThan(0.9)
    expect(counted().distance).toBeLessThan(1.1)
    expect(seen).toEqual([
      {
        url: '/v2/models/sentiment/versions/candidate/infer',
        headers: expect.objectContaining({ [HEADERS.forwarded]: 'stable', [HEADERS.requestId]: 'r-3' }),
        texts: ['good', 'bad'],
      },
    ])
  })

  test('takes a bounded number of texts of a batch', async () => {
    const seen: Asked[] = []
    shadowAt((await startFake(contrarian(seen))).url)
    await ask(Array.from({ length: 100 }, () => 'good'))
    await expect.poll(counted).toMatchObject({ samples: 16 })
    const long = 'good '.repeat(9_000)
    await ask([long, long, long, 'good'])
    await expect.poll(counted).toMatchObject({ samples: 18 })
    expect(seen[1]?.texts.length).toBe(2)
  })

  test.each<[string, () => Partial<Routing>, Record<string, string>]>([
    ['what another pod has passed on', () => ({}), { [HEADERS.forwarded]: 'older' }],
    ['what names its version', () => ({}), { [HEADERS.modelVersion]: 'stable' }],
    ['what was meant for the candidate', () => ({ perMille: 1000 }), {}],
    ['anything where the share is 0', () => ({ shadowPerMille: 0 }), {}],
    ['what a pod answers that is not stable', () => ({ stable: 'newer', candidate: 'stable', perMille: 1000 }), {}],
  ])('does not repeat %s', async (_, more, headers) => {
    const seen: Asked[] = []
    const { url } = await startFake(contrarian(seen))
    shadowAt(url, more())
    const answered = await ask(['good'], headers)
    expect(answered.statusCode).toBe(200)
    // One that is repeated, to know that the others would have been by now.
    shadowAt(url)
    await ask(['good'], { [HEADERS.requestId]: 'last' })
    await expect.poll(counted).toMatchObject({ samples: 1 })
    expect(
      seen.filter(({ url: path }) => path?.startsWith('/v2')).map(({ headers }) => headers[HEADERS.requestId]),
    ).toEqual(['last'])
  })

  test('does not repeat what failed', async () => {
    const seen: Asked[] = []
    shadowAt((await startFake(contrarian(seen))).url)
    expect((await ask(['good', '\u0301'])).statusCode).toBe(422)
    await ask(['good'])
    await expect.poll(counted).toMatchObject({ samples: 1 })
    expect(seen).toHaveLength(1)
  })

  test.each<[string, RequestListener]>([
    ['fails', (_, response) => response.writeHead(500).end('{}')],
    ['resets the connection', (request) => void request.socket.resetAndDestroy()],
    [
      'answers with no JSON',
      (_, response) => response.writeHead(200, { [HEADERS.modelVersion]: 'candidate' }).end('<'),
    ],
    ['is another version', contrarian([], 'older')],
    ['judges fewer texts', (_, response) => answer(response, [], 'candidate')],
    ['judges more texts', (_, response) => answer(response, ['good', 'good'], 'candidate')],
  ])('counts a candidate that %s as failing, and as no sample', async (_, listener) => {
    shadowAt((await startFake(listener)).url)
    expect((await ask(['good'])).statusCode).toBe(200)
    await expect.poll(counted).toEqual({ ...NONE, failures: 1 })
  })

  test('drops what finds no room, and callers never wait for a candidate that hangs', async () => {
    const hanging: ServerResponse[] = []
    shadowAt((await startFake((_, response) => hanging.push(response))).url)
    const delays: number[] = []
    for (let index = 0; index < 30; index++) {
      const started = performance.now()
      expect((await ask(['good'])).statusCode).toBe(200)
      delays.push(performance.now() - started)
    }
    await expect.poll(counted).toEqual({ ...NONE, dropped: 26 })
    expect(hanging).toHaveLength(4)
    // A shadow would hold on for five seconds; on a busy machine an answer takes a fraction of one.
    expect(Math.max(...delays)).toBeLessThan(2_500)
    for (const response of hanging) answer(response, ['good'], 'candidate')
    await expect.poll(counted).toMatchObject({ samples: 4, dropped: 26 })
  })

  test('begins when the caller has its answer', async () => {
    const order: string[] = []
    const { url } = await startFake((_, response) => {
      order.push('shadow')
      answer(response, ['good'], 'candidate')
    })
    shadowAt(url)
    stable.app.server.once('request', (_, response: ServerResponse) => {
      response.once('finish', () => order.push('answered'))
    })
    const answered = await fetch(`${stable.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'good' }),
    })
    expect(answered.status).toBe(200)
    await expect.poll(counted).toMatchObject({ samples: 1 })
    expect(order).toEqual(['answered', 'shadow'])
  })

  test('a pod that stops waits for no shadow, and counts none that it cut off', async () => {
    const arrived = Promise.withResolvers<undefined>()
    shadowAt((await startFake(() => arrived.resolve(undefined))).url)
    const server = await startTestServer({ version: 'stable', routing: () => current })
    await server.app.inject({ method: 'POST', url: '/predict', payload: { text: 'good' } })
    await arrived.promise
    const started = performance.now()
    await server.close()
    expect(performance.now() - started).toBeLessThan(2_500)
    expect(server.traffic.evidence.snapshot().shadow).toEqual({})
  })
})
