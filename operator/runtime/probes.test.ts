import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { createProbeServer, type ProbeServer, type ProbeServerOptions } from './probes.ts'

let server: ProbeServer | undefined
afterEach(() => server?.close())

async function setUp(options: Partial<ProbeServerOptions> = {}) {
  const registry = new Registry()
  server = createProbeServer({ port: 0, host: '127.0.0.1', registry, clock: systemClock, ...options })
  const { port } = await server.start()
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    return { status: response.status, text: await response.text() }
  }
  return { registry, get, port }
}

describe('probes', () => {
  test('are 200 where every check passes, and 503 naming the one that fails', async () => {
    const { get } = await setUp({
      readyChecks: {
        caches: () => undefined,
        lease: () => Promise.reject(new Error('not renewed for 12 s')),
      },
    })
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' })
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: '[+] caches ok\n[-] lease failed: not renewed for 12 s\nfailed\n',
    })
  })

  test('answer although a check hangs', async () => {
    const { get } = await setUp({ healthChecks: { stuck: () => new Promise(() => undefined) } })
    expect(await get('/healthz')).toMatchObject({ status: 503, text: expect.stringContaining('no answer') as unknown })
  })

  test('serve the metrics of the registry', async () => {
    const { get, registry } = await setUp()
    new Counter({ name: 'things_total', help: 'things', registers: [registry] }).inc()
    expect((await get('/metrics')).text).toContain('things_total 1')
  })

  test('refuse other paths and methods', async () => {
    const { get } = await setUp()
    expect((await get('/secret')).status).toBe(404)
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405)
  })

  test('reject the start where the port is taken', async () => {
    const { port, registry } = await setUp()
    const second = createProbeServer({ port, host: '127.0.0.1', registry, clock: systemClock })
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
