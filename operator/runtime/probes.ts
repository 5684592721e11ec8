import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import { type Clock, withDeadline } from './clock.ts'

/** Throws, or rejects, with what is wrong. */
export type Check = () => void | Promise<void>

export interface ProbeServer {
  /** Resolves when it listens. */
  start: () => Promise<{ port: number }>
  close: () => Promise<void>
}

export interface ProbeServerOptions {
  /** 0 picks a free one. */
  port: number
  host?: string
  registry: Registry
  clock: Clock
  /** Failing means: restart this process. */
  healthChecks?: Record<string, Check>
  /** Failing means: this process is not (yet) of use. */
  readyChecks?: Record<string, Check>
}

/** Shorter than the kubelet's usual patience, so that its answer names the check that hangs. */
const CHECK_TIMEOUT_MS = 800

/** `/healthz`, `/readyz` (200 or 503, one line per check) and `/metrics`. */
export function createProbeServer(options: ProbeServerOptions): ProbeServer {
  const { port, host, registry, clock } = options
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '/', 'http://probe').pathname
    const send = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return send(405, 'only GET and HEAD\n')
    }
    switch (path) {
      case '/healthz':
      case '/readyz': {
        const report = await runChecks((path === '/healthz' ? options.healthChecks : options.readyChecks) ?? {}, clock)
        return send(report.isPassed ? 200 : 503, report.text)
      }
      case '/metrics':
        return send(200, await registry.metrics(), registry.contentType)
      default:
        return send(404, 'there are /healthz, /readyz and /metrics\n')
    }
  }
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`)
    })
  })
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port }))
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function runChecks(checks: Record<string, Check>, clock: Clock): Promise<{ isPassed: boolean; text: string }> {
  const lines = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await withDeadline(
          { clock, ms: CHECK_TIMEOUT_MS, expired: () => new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`) },
          async () => check(),
        )
        return { isPassed: true, line: `[+] ${name} ok` }
      } catch (error) {
        return {
          isPassed: false,
          line: `[-] ${name} failed: ${error instanceof Error ? error.message : String(error)}`,
        }
      }
    }),
  )
  const isPassed = lines.every((line) => line.isPassed)
  return { isPassed, text: [...lines.map(({ line }) => line), isPassed ? 'ok' : 'failed', ''].join('\n') }
}
