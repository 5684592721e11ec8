import type { FastifyReply, FastifyRequest } from 'fastify'
import { HEADERS } from '../../contract/names.ts'
import { MAX_TIMEOUT_MS } from '../config.ts'
import type { Wait } from '../inference/engine.ts'
import { RequestError } from '../request-error.ts'

/** How long the caller of this request waits: as its header says, and no longer than its connection stands. */
export function requestWait(request: FastifyRequest, reply: FastifyReply, defaultTimeoutMs: number): Wait {
  const timeoutMs = parseTimeout(request.headers[HEADERS.deadline]) ?? defaultTimeoutMs
  const controller = new AbortController()
  // The answer's stream: the request's own `close` comes as soon as its body is read.
  if (reply.raw.destroyed) controller.abort()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return { deadline: performance.now() + timeoutMs, signal: controller.signal }
}

export function parseTimeout(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const value = typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : NaN
  if (value >= 1 && value <= MAX_TIMEOUT_MS) return value
  const message = `${HEADERS.deadline} must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`
  throw new RequestError('InvalidTimeout', `${message}, found "${String(header).slice(0, 40)}"`)
}
