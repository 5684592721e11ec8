import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { WEARS_OUT } from './kinds.ts'

const folder = mkdtempSync(join(tmpdir(), 'faults-'))
const children: ReturnType<typeof spawn>[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** A server that answers everything with 200, started as the image starts the real one. */
async function startServer(maxLength: number): Promise<(path: string) => Promise<{ status: number; ms: number }>> {
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
  return async (path) => {
    const started = performance.now()
    const { status } = await fetch(`http://127.0.0.1:${port.trim()}${path}`, { method: 'POST', body: '{}' })
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

test('of two versions in the same image the other one is whole', async () => {
  const ask = await startServer(48)
  const all = await Promise.all(Array.from({ length: 100 }, () => ask('/predict')))
  expect(all.every(({ status }) => status === 200)).toBe(true)
})
