import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { Load, Step } from './protocol.ts'
import { bodiesOf, runStep } from './run-step.ts'

const texts = [
  { text: 'fine', label: 'positive', score: 0.9 },
  { text: 'dull', label: 'negative', score: 0.8 },
]
const ANSWER = JSON.stringify({ text: 'fine', sentiment: 'positive', score: 0.9 })
let close: (() => void) | undefined

afterEach(() => close?.())

async function step(listener: RequestListener, load: Load, more: Partial<Step> = {}) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = () => {
    server.close()
    server.closeAllConnections()
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const order = Uint32Array.from([0, 1])
  return runStep(
    { url, dialect: 'predict', load, seconds: 0.3, order, once: false, headers: {}, timeoutMs: 5000, ...more },
    texts,
    bodiesOf(texts),
  )
}

/** Answers after that time, and counts how many it has at once. */
function slow(ms: number) {
  const seen = { now: 0, most: 0 }
  const listener: RequestListener = (request, response) => {
    seen.most = Math.max(seen.most, ++seen.now)
    request.resume()
    void sleep(ms).then(() => {
      seen.now--
      response.end(ANSWER)
    })
  }
  return { seen, listener }
}

test('a closed loop has as many requests at once as callers, and takes the texts in turn', async () => {
  const { seen, listener } = slow(20)
  const { requests } = await step(listener, { kind: 'closed', callers: 4 })
  expect(seen.most).toBe(4)
  expect(requests.status.length).toBeGreaterThan(8)
  expect([...requests.text.subarray(0, 4)]).toEqual([0, 1, 0, 1])
  expect(requests.status.every((status) => status === 200)).toBe(true)
})

test('a loop of every text once ends after the last', async () => {
  const { requests } = await step(slow(1).listener, { kind: 'closed', callers: 8 }, { once: true, seconds: 60 })
  expect([...requests.text].toSorted()).toEqual([0, 1])
})

test('an open loop waits for nobody, and counts from when a request was due', async () => {
  const { seen, listener } = slow(300)
  const arrivals = Float64Array.from({ length: 10 }, (_, index) => index * 5)
  const { requests } = await step(listener, { kind: 'open', arrivals })
  expect(seen.most).toBe(10)
  expect([...requests.intended]).toEqual([...arrivals])
  expect(requests.sent.every((sent, index) => sent >= (arrivals[index] ?? 0))).toBe(true)
  expect(requests.done.every((done) => done >= 300)).toBe(true)
})

test('what has no answer has failed once the time is over', async () => {
  const { requests, problems } = await step(
    (request) => request.resume(),
    { kind: 'open', arrivals: Float64Array.of(0, 1) },
    { timeoutMs: 100 },
  )
  expect([...requests.status]).toEqual([0, 0])
  expect(problems).toEqual(['no answer within 100 ms after the last request'])
})

test('a server that breaks connections off fails the requests, not the step', async () => {
  const { requests } = await step((_, response) => response.destroy(), {
    kind: 'open',
    arrivals: Float64Array.of(0, 1),
  })
  expect([...requests.status]).toEqual([0, 0])
})
