import type { Dispatcher } from 'undici'
import { Backoff } from '../runtime/backoff.ts'
import { type Clock, startDeadline } from '../runtime/clock.ts'
import { ApiError, ConnectionError } from './api-error.ts'
import type { Connection } from './connection.ts'
import type { KubeMetrics } from './metrics.ts'

export type Query = Record<string, string | number | boolean | undefined>

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Query
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  /** Deadline of the whole call, retries included; 30 s unless said. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

export interface StreamRequest {
  path: string
  query?: Query
  /** Until the answer begins; 30 s unless said. */
  headersTimeoutMs?: number
  /** Between two chunks: a connection that is silent for longer is taken for dead. */
  idleTimeoutMs: number
  signal: AbortSignal
}

export interface Transport {
  /**
   * The answer: parsed JSON, or the text where the server sends text. A 429, and a 503 or a lost connection for a request that may
   * safely be repeated, are retried within the deadline, after the time that the server asks for. Everything else rejects.
   */
  request: (request: TransportRequest) => Promise<unknown>
  /** A GET whose answer goes on: for watches. Resolves when the answer has begun; the iteration rejects when the connection is lost. */
  stream: (request: StreamRequest) => Promise<AsyncIterable<Uint8Array>>
}

const TIMEOUT_MS = 30_000
const MOST_TRIES = 5
/** However long the server asks to wait, a caller would rather know. */
const LONGEST_RETRY_AFTER_MS = 15_000

export function createTransport(options: {
  connection: Connection
  clock: Clock
  metrics: KubeMetrics
  /** How the API server's logs and audit name us. */
  userAgent: string
}): Transport {
  const { connection, clock, metrics, userAgent } = options

  const open = async (
    use: 'request' | 'watch',
    { method, path, query, body, contentType }: TransportRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    const begin = clock.monotonic()
    let code = 'error'
    try {
      // An exec plugin may hang: nothing of client-node bounds it.
      const { dispatcher, headers } = await unlessAborted(connection.dispatch(use), signal)
      const base = connection.server.pathname.replace(/\/$/, '')
      const response = await dispatcher.request({
        method,
        path: `${base}${path}${queryString(query)}`,
        headers: {
          ...headers,
          accept: 'application/json, */*;q=0.1',
          'user-agent': userAgent,
          ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      })
      code = String(response.statusCode)
      return response
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw connectionError(error, `${method} ${path}`)
    } finally {
      metrics.requests.inc({ method, code })
      metrics.requestSeconds.observe({ method }, (clock.monotonic() - begin) / 1000)
    }
  }

  /** The credentials may have been rotated just now: 401 means that nothing was done, so asking again is safe. */
  const openAuthenticated: typeof open = async (use, request, signal) => {
    const response = await open(use, request, signal)
    if (response.statusCode !== 401) return response
    await response.body.dump()
    connection.refresh()
    return open(use, request, signal)
  }

  const attempt = async (request: TransportRequest, signal: AbortSignal): Promise<unknown> => {
    const what = `${request.method} ${request.path}`
    const response = await openAuthenticated('request', request, signal)
    let text
    try {
      text = await response.body.text()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw connectionError(error, what)
    }
    if (response.statusCode >= 400) throw apiError(response, text, what)
    if (!isJson(response)) return text
    try {
      return JSON.parse(text) as unknown
    } catch (error) {
      throw new ConnectionError('KUBE_PROTOCOL', `${what}: the answer is not JSON`, { cause: error })
    }
  }

  return {
    request: async (request) => {
      const ms = request.timeoutMs ?? TIMEOUT_MS
      const what = `${request.method} ${request.path}`
      const deadline = startDeadline({
        clock,
        ms,
        expired: () => new ConnectionError('KUBE_TIMEOUT', `${what}: no complete answer within ${ms} ms`),
        signal: request.signal,
      })
      const end = clock.monotonic() + ms
      const backoff = new Backoff({ initialMs: 200, maxMs: 5_000, clock })
      try {
        for (let tries = 1; ; tries++) {
          try {
            deadline.signal.throwIfAborted()
            return await attempt(request, deadline.signal)
          } catch (error) {
            const delay = retryDelay(request, error, backoff)
            // A wait that ends after the deadline would only hide the real cause behind a timeout.
            if (delay === undefined || tries >= MOST_TRIES || clock.monotonic() + delay >= end) throw error
            await clock.sleep(delay, deadline.signal)
          }
        }
      } finally {
        deadline.clear()
      }
    },

    stream: async ({ path, query, headersTimeoutMs = TIMEOUT_MS, idleTimeoutMs, signal }) => {
      const request: TransportRequest = { method: 'GET', path, ...(query && { query }) }
      const what = `watch ${path}`
      const abort = new AbortController()
      const end = () => abort.abort(signal.reason)
      if (signal.aborted) end()
      signal.addEventListener('abort', end, { once: true })
      const headers = startDeadline({
        clock,
        ms: headersTimeoutMs,
        expired: () => new ConnectionError('KUBE_TIMEOUT', `${what}: no answer within ${headersTimeoutMs} ms`),
        signal: abort.signal,
      })
      try {
        headers.signal.throwIfAborted()
        // The response lives on after the deadline for its headers, so it is bound to `abort`, which that deadline aborts.
        headers.signal.addEventListener('abort', () => abort.abort(headers.signal.reason), { once: true })
        const response = await openAuthenticated('watch', request, abort.signal)
        if (response.statusCode >= 400) throw apiError(response, await response.body.text(), what)
        return chunks(response.body, {
          clock,
          what,
          idleTimeoutMs,
          abort,
          done: () => signal.removeEventListener('abort', end),
        })
      } catch (error) {
        signal.removeEventListener('abort', end)
        throw error
      } finally {
        headers.clear()
      }
    },
  }
}

async function* chunks(
  body: Dispatcher.ResponseData['body'],
  options: { clock: Clock; what: string; idleTimeoutMs: number; abort: AbortController; done: () => void },
): AsyncGenerator<Uint8Array> {
  const { clock, what, idleTimeoutMs, abort, done } = options
  const startIdle = () => {
    const idle = startDeadline({
      clock,
      ms: idleTimeoutMs,
      expired: () => new ConnectionError('KUBE_TIMEOUT', `${what}: nothing was heard for ${idleTimeoutMs} ms`),
    })
    idle.signal.addEventListener('abort', () => abort.abort(idle.signal.reason), { once: true })
    return idle
  }
  let idle = startIdle()
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      // The time that the consumer takes is no silence of the server.
      idle.clear()
      yield chunk
      idle = startIdle()
    }
  } catch (error) {
    if (abort.signal.aborted) throw abort.signal.reason
    throw connectionError(error, what)
  } finally {
    idle.clear()
    done()
    // Where the consumer stops early, the server must hear of it.
    abort.abort(new Error('no longer read'))
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function queryString(query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value))
  return params.size === 0 ? '' : `?${params.toString()}`
}

function isJson({ headers }: Dispatcher.ResponseData): boolean {
  return String(headers['content-type'] ?? '').includes('json')
}

function connectionError(error: unknown, what: string): Error {
  if (error instanceof ApiError || error instanceof ConnectionError) return error
  // A configuration that can't be used is not a lost connection: nothing gets better by asking again.
  if (error instanceof Error && (error as { code?: unknown }).code === 'KUBE_CONFIGURATION') return error
  const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const detail = cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code) : String(cause)
  return new ConnectionError('KUBE_CONNECTION', `${what}: ${detail}`, { cause: error })
}

interface Status {
  message?: string
  reason?: string
  details?: { causes?: ApiError['causes']; retryAfterSeconds?: number }
}

function apiError({ statusCode, headers }: Dispatcher.ResponseData, text: string, what: string): ApiError {
  let status: Status = {}
  try {
    status = JSON.parse(text) as Status
  } catch {
    status = { message: text.trim().slice(0, 500) } // proxies in between answer with text
  }
  const header = Number(headers['retry-after'])
  const seconds = Number.isFinite(header) ? header : status.details?.retryAfterSeconds
  return new ApiError(`${what}: ${status.message ?? ''} (${statusCode})`, {
    status: statusCode,
    reason: status.reason ?? 'Unknown',
    causes: status.details?.causes ?? [],
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  })
}

/** undefined: not to be repeated. */
function retryDelay({ method }: TransportRequest, error: unknown, backoff: Backoff): number | undefined {
  // A create that reached the server may have been done; all our other writes do the same when repeated.
  const isRepeatable = method !== 'POST'
  if (error instanceof ApiError) {
    if (error.status !== 429 && !(error.status === 503 && isRepeatable)) return undefined
    // A 429 without Retry-After speaks of the object, as an eviction that a disruption budget forbids: for the caller to decide.
    if (error.retryAfterMs === undefined) return error.status === 503 ? backoff.next() : undefined
    if (error.retryAfterMs > LONGEST_RETRY_AFTER_MS) return undefined
    return error.retryAfterMs + backoff.next()
  }
  if (error instanceof ConnectionError && error.code === 'KUBE_CONNECTION')
    return isRepeatable ? backoff.next() : undefined
  return undefined
}
