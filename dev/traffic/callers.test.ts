import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import {
  askPath,
  callersCommand,
  readTexts,
  trafficPod,
  type TrafficCount,
  type TrafficOptions,
} from './traffic-pod.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0)
  closing.push(() => server.close().closeAllConnections())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** The very program of the pod, asking this server. */
async function callersOf(
  listener: RequestListener,
  options: TrafficOptions = {},
): Promise<(path?: string) => Promise<TrafficCount>> {
  const free = createServer().listen(0)
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  const url = `http://127.0.0.1:${String(await listen(listener))}/predict`
  const child = spawn(process.execPath, callersCommand(url, { callers: 2, pauseMs: 5, ...options }, port))
  closing.push(() => child.kill('SIGKILL'))
  return async (path) => {
    const method = path === undefined ? 'GET' : 'POST'
    return (await fetch(`http://127.0.0.1:${String(port)}${path ?? ''}`, { method })).json() as Promise<TrafficCount>
  }
}

const WAIT = { timeout: 20_000, interval: 50 }

test('counts answers by version, and those that stable gave in the place of a candidate', async () => {
  let requests = 0
  const count = await callersOf((_, response) => {
    const isFallback = requests++ % 2 === 0
    response.setHeader('x-model-version', isFallback ? 'reviews-1' : 'reviews-2')
    if (isFallback) response.setHeader('x-valence-fallback', 'error')
    response.end('{"sentiment":"positive"}')
  })
  await expect.poll(async () => (await count()).answered, WAIT).toBeGreaterThan(20)
  const { failed, versions, fallbacks, answered } = await count()
  expect(failed).toBe(0)
  expect((versions['reviews-1'] ?? 0) + (versions['reviews-2'] ?? 0)).toBe(answered)
  expect(fallbacks['error']).toBe(versions['reviews-1'])
})

test('a status, an answer that is none and a broken connection are failures, and are not the end', async () => {
  let requests = 0
  const count = await callersOf((request, response) => {
    const turn = requests++ % 3
    if (turn === 0) response.writeHead(503).end('{"error":"full"}')
    else if (turn === 1) response.end('<html>')
    else request.socket.destroy()
  })
  await expect.poll(async () => (await count()).failed, WAIT).toBeGreaterThan(110)
  const { failures, answered } = await count()
  expect(answered).toBe(0)
  expect(failures).toHaveLength(100)
  expect(failures.map(({ why }) => why).join('\n')).toMatch(/503 .*full[^]*200 <html>/)
  expect(new Set(failures.map(({ status }) => status))).toEqual(new Set([503, 200, undefined]))
})

test('a connection that breaks within an answer is one failure', async () => {
  const count = await callersOf((request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{')
    setTimeout(() => request.socket.destroy(), 5)
  })
  await expect.poll(async () => (await count()).failed, WAIT).toBeGreaterThan(20)
  const { sent, failed } = await count()
  expect(failed).toBeLessThanOrEqual(sent)
  expect(failed).toBeGreaterThanOrEqual(sent - 2)
})

test('idle callers ask as often as they are told', async () => {
  let requests = 0
  const count = await callersOf(
    (_, response) => {
      requests += 1
      setTimeout(() => response.end('{"sentiment":"positive"}'), 30)
    },
    { isIdle: true },
  )
  await expect.poll(async () => (await count().catch(() => undefined))?.sent, WAIT).toBe(0)
  for (const total of [7, 14]) {
    await count(askPath(7))
    await expect.poll(async () => (await count()).answered, WAIT).toBe(total)
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(requests).toBe(14)
  const { latencyMs } = await count()
  expect(latencyMs.median).toBeGreaterThanOrEqual(29)
  expect(latencyMs.p99).toBeGreaterThanOrEqual(latencyMs.median)
})

test('callers that give up are neither answered nor failed, and the patient ones wait', async () => {
  const count = await callersOf(
    (_, response) => void setTimeout(() => response.end('{"sentiment":"positive"}'), 1000),
    {
      callers: 4,
      impatient: { share: 0.5, afterMs: 30 },
    },
  )
  await expect.poll(async () => (await count()).answered, WAIT).toBeGreaterThan(3)
  const { sent, answered, failed, left } = await count()
  expect(failed).toBe(0)
  expect(left).toBeGreaterThan(answered)
  expect(sent).toBeLessThanOrEqual(answered + left + 4)
})

test('latency is up to a good answer, and a failure has none', async () => {
  let requests = 0
  const count = await callersOf((_, response) => {
    if (requests++ % 4 === 0) response.writeHead(503).end()
    else response.end('{"sentiment":"positive"}')
  })
  await expect.poll(async () => (await count()).sent, WAIT).toBeGreaterThan(100)
  const { latencyMs } = await count()
  expect(latencyMs.median).toBeLessThan(1000)
  expect(latencyMs.p99).toBe(15_000)
})

test('the pod asks with sentences of people, needs no right at all, and ends in time', () => {
  expect(readTexts().length).toBeGreaterThan(150)
  const { spec } = trafficPod({ namespace: 'default', model: 'reviews', image: 'server' }, { maxSeconds: 60 })
  expect(spec).toMatchObject({ automountServiceAccountToken: false, activeDeadlineSeconds: 60, restartPolicy: 'Never' })
  expect(spec?.containers[0]?.command?.at(-1)).toContain('"http://reviews:8000/predict"')
})
