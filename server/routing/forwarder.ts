/**
 * Sends a request to another version's Service over kept-alive connections. Nothing that the other side does, or leaves
 * undone, takes longer than the time given, holds more than `limit` requests, or brings more than `maxAnswerBytes`.
 */
import { Agent, errors } from 'undici'
import { HEADERS } from '../../contract/names.ts'

export interface ForwardRequest {
  version: string
  /** Base URL of the version's Service. */
  url: string
  path: string
  body: string
  requestId: string
  timeoutMs: number
  /** A longer body is no answer. */
  maxAnswerBytes: number
  signal?: AbortSignal | undefined
}

export type Forwarded =
  | { kind: 'answered'; status: number; headers: Record<string, string>; body: string }
  /** refused: too many are under way, none was sent. */
  | { kind: 'failed'; failure: 'refused' | 'timeout' | 'unreachable' | 'garbage'; message: string; cause?: unknown }
  /** The caller went away. */
  | { kind: 'abandoned' }

export interface Forwarder {
  hasRoomFor(version: string): boolean
  forward(request: ForwardRequest): Promise<Forwarded>
  /** Ends what is still under way. */
  close(): Promise<void>
}

export interface ForwarderOptions {
  ownVersion: string
  /** Requests under way to a version, each on a connection of its own. */
  limit: number
  /**
   * How often a request is sent at most: again where its connection fails. More than once hides such failures, so never where
   * they are counted.
   */
  attempts: number
  /** The HTTP status, or how it failed. */
  onOutcome?: (version: string, outcome: string) => void
}

/** What of the other pod's answer reaches the caller. */
const RELAYED_HEADERS = ['content-type', 'retry-after', HEADERS.modelVersion, HEADERS.modelDigest, HEADERS.truncated]

/** Of a connection, whichever comes first. */
const CONNECTION_MS = 1_000
const CONNECTION_REQUESTS = 32
/** Less than a version is waited for by default: the next request does not wait for the same connection. */
const CONNECT_MS = 500

/** The connection failed, not the model: judging a text changes nothing, so it may be asked again. */
const CONNECTION_FAILED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT'])
/** Something came back, but no HTTP answer within bounds. */
const GARBAGE = /^(HPE_|HTTPParserError|UND_ERR_(RES_|HEADERS_OVERFLOW))/
const LATE = Symbol('late')

export function createForwarder(options: ForwarderOptions): Forwarder {
  const agent = new Agent({
    connections: options.limit,
    allowH2: false,
    // A connection stays with one pod: renewed often, so that all pods get their share, those that came later too.
    clientTtl: CONNECTION_MS,
    maxRequestsPerClient: CONNECTION_REQUESTS,
    // Far shorter than any server's own, and than the drain of one that stops: none closes a connection just when it is used.
    keepAliveTimeout: CONNECTION_MS,
    keepAliveMaxTimeout: CONNECTION_MS,
    connect: { timeout: CONNECT_MS },
    // One timer for the whole request is cheaper than one for each phase, and a slow trickle does not outwit it.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const underWay = new Map<string, number>()
  const hasRoomFor = (version: string): boolean => (underWay.get(version) ?? 0) < options.limit

  async function attempt(request: ForwardRequest, timeoutMs: number, signal: AbortSignal): Promise<Forwarded> {
    const answer = await agent.request({
      origin: request.url,
      path: request.path,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [HEADERS.requestId]: request.requestId,
        [HEADERS.deadline]: String(Math.max(1, Math.ceil(timeoutMs))),
        [HEADERS.forwarded]: options.ownVersion,
      },
      body: request.body,
      signal,
    })
    try {
      const headers: Record<string, string> = {}
      for (const name of RELAYED_HEADERS) {
        const value = answer.headers[name]
        if (typeof value === 'string') headers[name] = value
      }
      const body = await textOf(answer.body, request.maxAnswerBytes)
      return { kind: 'answered', status: answer.statusCode, headers, body }
    } catch (cause) {
      throw new AnswerBroken(cause)
    }
  }

  async function send(request: ForwardRequest): Promise<Forwarded> {
    const deadline = performance.now() + request.timeoutMs
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(LATE), request.timeoutMs)
    const leave = (): void => controller.abort()
    request.signal?.addEventListener('abort', leave)
    try {
      for (let count = 1; ; count++) {
        try {
          return await attempt(request, deadline - performance.now(), controller.signal)
        } catch (error) {
          if (request.signal?.aborted === true) return { kind: 'abandoned' }
          const cause = error instanceof AnswerBroken ? error.cause : error
          if (controller.signal.reason === LATE) {
            const message = `version ${request.version} gave no answer within ${Math.round(request.timeoutMs)} ms`
            return { kind: 'failed', failure: 'timeout', message, cause }
          }
          const code = codeOf(cause)
          if (count < options.attempts && CONNECTION_FAILED.has(code)) continue
          if (GARBAGE.test(code)) {
            const message = `version ${request.version} gave no usable answer (${code})`
            return { kind: 'failed', failure: 'garbage', message, cause }
          }
          const message = `version ${request.version} can't be reached (${code})`
          return { kind: 'failed', failure: 'unreachable', message, cause }
        }
      }
    } finally {
      clearTimeout(timer)
      request.signal?.removeEventListener('abort', leave)
    }
  }

  async function forward(request: ForwardRequest): Promise<Forwarded> {
    const { version } = request
    if (request.signal?.aborted === true) return { kind: 'abandoned' }
    if (request.timeoutMs <= 0) {
      return { kind: 'failed', failure: 'timeout', message: `no time was left to ask version ${version}` }
    }
    if (!hasRoomFor(version)) {
      const message = `${options.limit} requests to version ${version} are under way already`
      return { kind: 'failed', failure: 'refused', message }
    }
    underWay.set(version, (underWay.get(version) ?? 0) + 1)
    try {
      return await send(request)
    } finally {
      const left = (underWay.get(version) ?? 1) - 1
      if (left === 0) underWay.delete(version)
      else underWay.set(version, left)
    }
  }

  return {
    hasRoomFor,
    async forward(request) {
      const result = await forward(request)
      const outcome =
        result.kind === 'answered' ? String(result.status) : result.kind === 'failed' ? result.failure : result.kind
      options.onOutcome?.(request.version, outcome)
      return result
    },
    close: () => agent.destroy(),
  }
}

/** It broke off after its headers had come. */
class AnswerBroken extends Error {
  constructor(cause: unknown) {
    super('the answer broke off', { cause })
  }
}

async function textOf(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    // Leaving the loop closes the connection.
    if (size > maxBytes) throw new errors.ResponseExceededMaxSizeError(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** What of the parser comes without a code has a telling name. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return String(code ?? name)
}
