import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { evidence } from '../contract/evidence.ts'
import { HEADERS } from '../contract/names.ts'
import { predictResponse } from './schemas/predict.ts'
import { startEntry, type Child } from './testing/child.ts'
import { writeTinyArtifact, type TinyArtifactOptions } from './testing/tiny-artifact.ts'

const TIMEOUT_MS = 60_000
const children: Child[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL')
    await child.exited
  }
})

function startServer(options: { artifact?: TinyArtifactOptions; env?: Record<string, string> } = {}) {
  const artifact = writeTinyArtifact(options.artifact)
  const child = startEntry('main.ts', [], {
    ARTIFACT_DIR: artifact.directory,
    PORT: '0',
    METRICS_PORT: '0',
    WORKERS: '2',
    ...options.env,
  })
  children.push(child)
  const ready = async () => {
    await child.waitFor(/"msg":"ready"/)
    // The metrics port listens first.
    const ports = [...child.output().matchAll(/Server listening at http:\/\/\[::\]:(\d+)/g)].map((match) => match[1])
    return { api: `http://127.0.0.1:${ports[1]}`, metrics: `http://127.0.0.1:${ports[0]}` }
  }
  return { child, artifact, ready }
}

const predict = (url: string, text: string): Promise<Response> =>
  fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })

describe('the server process', () => {
  test.each(['fp32', 'int8'])(
    'serves at %s, shows its metrics, and ends with 0 on SIGTERM',
    async (precision) => {
      const { child, artifact, ready } = startServer({ env: { PRECISION: precision, DRAIN_DELAY_MS: '0' } })
      const { api, metrics } = await ready()
      expect((await fetch(`${api}/readyz`)).status).toBe(200)
      const answer = await predict(api, 'A wonderful film.')
      expect(predictResponse.parse(await answer.json()).sentiment).toBe('positive')
      expect(answer.headers.get(HEADERS.modelDigest)).toBe(artifact.digest)
      expect((await fetch(`${metrics}/healthz`)).status).toBe(200)
      const text = await (await fetch(`${metrics}/metrics`)).text()
      expect(text).toContain('prediction_requests_total{endpoint="predict",status="200"} 1')
      expect(text).toMatch(new RegExp(`model_info\\{.*digest="${artifact.digest}",precision="${precision}"\\} 1`))
      expect(text).toMatch(/inference_cpu_info\{model="[^"]+",flags="[^"]*"\} 1/)
      expect(child.output()).toMatch(new RegExp(`"precision":"${precision}","cpu":"[^"]+".*"msg":"precision and CPU"`))
      expect(text).toContain('process_resident_memory_bytes')
      const seen = evidence.parse(await (await fetch(`${metrics}/evidence`)).json())
      expect(seen).toMatchObject({ epoch: -1, version: artifact.version, digest: artifact.digest, arms: {} })
      child.process.kill('SIGTERM')
      expect(await child.exited).toBe(0)
    },
    TIMEOUT_MS,
  )

  test(
    'loses no request when it is stopped under load',
    async () => {
      const { child, ready } = startServer({ env: { DRAIN_DELAY_MS: '3000' } })
      const { api } = await ready()
      let isRouted = true
      let answered = 0
      const failures: unknown[] = []
      // As callers behind a Service: they send until the endpoints have forgotten the pod, on kept-alive connections.
      const callers = Array.from({ length: 12 }, async () => {
        while (isRouted) {
          try {
            const answer = await predict(api, 'a good film')
            if (answer.status === 200) answered++
            else failures.push(answer.status)
            await answer.arrayBuffer()
          } catch (error) {
            failures.push(error)
          }
        }
      })
      await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(100)
      child.process.kill('SIGTERM')
      await child.waitFor(/"msg":"draining/)
      expect((await fetch(`${api}/readyz`)).status).toBe(503)
      const before = answered
      await new Promise((resolve) => setTimeout(resolve, 300))
      isRouted = false
      await Promise.all(callers)
      expect(answered).toBeGreaterThan(before)
      expect(failures).toEqual([])
      expect(await child.exited).toBe(0)
    },
    TIMEOUT_MS,
  )
})

describe('a server process that is stopped', () => {
  test(
    'does not wait for a connection on which nothing was asked',
    async () => {
      const { child, ready } = startServer({ env: { DRAIN_DELAY_MS: '0', DRAIN_TIMEOUT_MS: '50000' } })
      const { api, metrics } = await ready()
      const closed: Promise<unknown>[] = []
      for (const url of [api, metrics]) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1')
        await once(socket, 'connect')
        closed.push(once(socket.resume(), 'close'))
        // An answer on another connection: the server has accepted the first one by then.
        expect((await fetch(`${url}/healthz`)).status).toBe(200)
      }
      const started = performance.now()
      child.process.kill('SIGTERM')
      expect(await child.exited).toBe(0)
      expect(performance.now() - started).toBeLessThan(20_000)
      await Promise.all(closed)
    },
    TIMEOUT_MS,
  )
})

describe('a server process that is stopped while it starts', () => {
  test.each(['starting', 'artifact verified', 'workers counted', 'Server listening'])(
    'ends with 0 when the signal comes after "%s"',
    async (message) => {
      const { child } = startServer({ env: { DRAIN_DELAY_MS: '0' } })
      await child.waitFor(new RegExp(`"msg":"${message}`))
      child.process.kill('SIGTERM')
      expect(await child.exited).toBe(0)
    },
    TIMEOUT_MS,
  )
})

describe('the server process refuses to start', () => {
  const refused = async (options: Parameters<typeof startServer>[0]) => {
    const { child } = startServer(options)
    const code = await child.exited
    const last = child.output().trim().split('\n').at(-1) ?? ''
    return { code, message: (JSON.parse(last) as { msg: string }).msg }
  }

  test.each<[string, Parameters<typeof startServer>[0], RegExp]>([
    ['without an artifact', { env: { ARTIFACT_DIR: '' } }, /ARTIFACT_DIR is missing: set it/],
    ['with a directory that is not there', { env: { ARTIFACT_DIR: '/nowhere' } }, /\/nowhere: no such directory/],
    [
      'with another digest than its pin',
      { env: { EXPECTED_DIGEST: `sha256:${'a'.repeat(64)}` } },
      /manifest.json: has digest/,
    ],
    ['with a broken model', { artifact: { files: { 'model.fp32.onnx': 'x' } } }, /model.fp32.onnx: is no ONNX model/],
    [
      'where the golden inference fails',
      { artifact: { files: { 'parity.jsonl': '{"text":"good","ids":[2,5,3],"logits":[9,-9]}' } } },
      /parity.jsonl: logits differ by/,
    ],
  ])(
    '%s, with code 3 and the cause as the last line of its log',
    async (_, options, message) => {
      const { code, message: last } = await refused(options)
      expect(code).toBe(3)
      expect(last).toMatch(message)
    },
    TIMEOUT_MS,
  )
})
