import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { HALF_OF_PODS, isBrokenPod, MORE_FAULTS, WEARS_OUT } from './kinds.ts'

const folder = mkdtempSync(join(tmpdir(), 'faults-'))
const children: ReturnType<typeof spawn>[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function maxLengthOf(kind: string): number {
  const fault = MORE_FAULTS.find((one) => one.kind === kind)
  if (fault === undefined) throw new Error(`there is no fault '${kind}'`)
  return fault.maxLength
}

interface Answer {
  status: number
  ms: number
}
type Ask = (path: string, requestId?: string) => Promise<Answer>

/** A server that answers everything with 200, started as the image starts the real one. */
async function startServer(maxLength: number): Promise<Ask> {
  const home = join(folder, String(maxLength))
  mkdirSync(join(home, 'server'), { recursive: true })
  writeFileSync(join(home, 'package.json'), '{"type": "module"}')
  writeFileSync(join(home, 'manifest.json'), JSON.stringify({ maxLength, labels: ['negative', 'positive'] }))
  writeFileSync(
    join(home, 'server', 'main.js'),
    `import http from 'node:http'
const server = http.createServer((_, response) => response.end('{}')).listen(0, () => console.log(server.address().port))`,
  )
  const child = spawn(
    process.execPath,
    ['--import', join(import.meta.dirname, 'inject.mjs'), join(home, 'server', 'main.js')],
    { env: { ...process.env, ARTIFACT_DIR: home }, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  children.push(child)
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk) => resolve(String(chunk))))
  return async (path, requestId = '') => {
    const started = performance.now()
    const { status } = await fetch(`http://127.0.0.1:${port.trim()}${path}`, {
      method: 'POST',
      body: '{}',
      headers: { 'x-request-id': requestId },
    })
    return { status, ms: performance.now() - started }
  }
}

test('a version that wears out answers well at first, then fails one request of three and is late with another', async () => {
  const ask = await startServer(WEARS_OUT.maxLength)
  const first = await Promise.all(Array.from({ length: 80 }, () => ask('/predict')))
  expect(first.map(({ status }) => status)).toEqual(Array.from({ length: 80 }, () => 200))
  const then = await Promise.all(Array.from({ length: 30 }, () => ask('/predict')))
  expect(then.filter(({ status }) => status === 500)).toHaveLength(10)
  expect(then.filter(({ ms }) => ms > 1400)).toHaveLength(10)
  expect(await ask('/v2/models/reviews/infer')).toMatchObject({ status: 200 })
})

/** What comes before most faults: the rehearsal and most of the shadow. */
const GRACE = 60
const pass = (ask: Ask) => Promise.all(Array.from({ length: GRACE }, () => ask('/v2/models/reviews/infer')))

test('a slow version is later than the objective of the tests, and sooner than a candidate is given up', async () => {
  const ask = await startServer(maxLengthOf('is slow'))
  await pass(ask)
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask('/predict')))
  expect(answers.every(({ status, ms }) => status === 200 && ms > 1000)).toBe(true)
  // The machine may be busy.
  expect(Math.min(...answers.map(({ ms }) => ms))).toBeLessThan(2000)
})

test('one live prediction of ten fails by its id, so that it fails again when it is sent again', async () => {
  const ask = await startServer(maxLengthOf('answers 5xx to 10 % of the live predictions'))
  await pass(ask)
  const ids = Array.from({ length: 1000 }, (_, index) => `request-${String(index)}`)
  const once = await Promise.all(ids.map((id) => ask('/predict', id)))
  const failed = ids.filter((_, index) => once[index]?.status === 500)
  expect(failed.length).toBeGreaterThan(60)
  expect(failed.length).toBeLessThan(140)
  const again = await Promise.all(failed.map((id) => ask('/predict', id)))
  expect(again.every(({ status }) => status === 500)).toBe(true)
  const shadow = await Promise.all(failed.map((id) => ask('/v2/models/reviews/infer', id)))
  expect(shadow.every(({ status }) => status === 200)).toBe(true)
})

test.each(['resets 10 % of the live predictions', 'hangs on 10 % of the live predictions'])(
  'a version that %s answers the others',
  async (kind) => {
    const ask = await startServer(maxLengthOf(kind))
    await pass(ask)
    const ids = Array.from({ length: 100 }, (_, index) => `request-${String(index)}`)
    const late = new Promise<'lost'>((resolve) => setTimeout(resolve, 2000, 'lost'))
    const ends = await Promise.all(ids.map((id) => Promise.race([late, ask('/predict', id).catch(() => 'lost')])))
    const lost = ends.filter((end) => end === 'lost').length
    expect(lost).toBeGreaterThan(2)
    expect(lost).toBeLessThan(25)
  },
)

test('which of two pods is broken is said by its name', async () => {
  const ask = await startServer(HALF_OF_PODS.maxLength)
  await pass(ask)
  expect(await ask('/predict')).toMatchObject({ status: isBrokenPod(hostname()) ? 500 : 200 })
  const names = Array.from({ length: 40 }, (_, index) => `reviews-1-${String(index)}`)
  expect(new Set(names.map(isBrokenPod)).size).toBe(2)
})

test('of two versions in the same image the other one is whole', async () => {
  const ask = await startServer(48)
  const all = await Promise.all(Array.from({ length: 100 }, () => ask('/predict')))
  expect(all.every(({ status }) => status === 200)).toBe(true)
})
