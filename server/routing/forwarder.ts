/** Hands a request to another version's Service over kept-alive connections, with what is left of its deadline. */
import { Agent, errors } from 'undici'
import { HEADERS } from '../../contract/names.ts'
import type { Wait } from '../inference/engine.ts'
import { RequestError } from '../request-error.ts'

export interface ForwardRequest {
  version: string
  /** Base URL of the version's Service. */
  url: string
  body: string
  requestId: string
  wait: Wait
}

export interface ForwardedAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export interface Forwarder {
  /** @throws RequestError where no answer came back */
  forward(request: ForwardRequest): Promise<ForwardedAnswer>
  close(): Promise<void>
}

export interface ForwarderOptions {
  ownVersion: string
  connections?: number
  onOutcome?: (version: string, outcome: string) => void
}

/** What of the other pod's answer reaches the caller. */
const RELAYED_HEADERS = ['content-type', 'retry-after', HEADERS.modelVersion, HEADERS.modelDigest, HEADERS.truncated]

/** The connection failed, not the model: judging a text changes nothing, so it may be asked again. */
const RETRIABLE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT'])
const ATTEMPTS = 2

export function createForwarder(options: ForwarderOptions): Forwarder {
  const agent = new Agent({
    connections: options.connections ?? 64,
    // Shorter than the server's own, so that a pooled connection is not closed by the other side just when it is used.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 30_000,
    connect: { timeout: 2_000 },
  })

  async function attempt(request: ForwardRequest): Promise<ForwardedAnswer> {
    const remainingMs = Math.ceil(request.wait.deadline - performance.now())
    if (remainingMs <= 0)
      throw new RequestError('DeadlineExceeded', 'the deadline passed before the request was forwarded')
    const timeout = AbortSignal.timeout(remainingMs)
    const signal = request.wait.signal === undefined ? timeout : AbortSignal.any([request.wait.signal, timeout])
    try {
      const answer = await agent.request({
        origin: request.url,
        path: '/predict',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [HEADERS.requestId]: request.requestId,
          [HEADERS.deadline]: String(remainingMs),
          [HEADERS.forwarded]: options.ownVersion,
        },
        body: request.body,
        signal,
      })
      const body = Buffer.from(await answer.body.arrayBuffer())
      const headers: Record<string, string> = {}
      for (const name of RELAYED_HEADERS) {
        const value = answer.headers[name]
        if (typeof value === 'string') headers[name] = value
      }
      return { status: answer.statusCode, headers, body }
    } catch (cause) {
      if (request.wait.signal?.aborted === true) throw new RequestError('Abandoned', 'the caller went away', { cause })
      if (timeout.aborted) {
        throw new RequestError('DeadlineExceeded', `version ${request.version} gave no answer within the deadline`, {
          cause,
        })
      }
      throw cause
    }
  }

  async function forward(request: ForwardRequest): Promise<ForwardedAnswer> {
    for (let count = 1; ; count++) {
      try {
        return await attempt(request)
      } catch (cause) {
        if (cause instanceof RequestError) throw cause
        if (count < ATTEMPTS && RETRIABLE.has(codeOf(cause))) continue
        const message = `version ${request.version} can't be reached (${codeOf(cause)})`
        throw new RequestError('VersionUnreachable', message, { cause })
      }
    }
  }

  return {
    async forward(request) {
      try {
        const answer = await forward(request)
        options.onOutcome?.(request.version, String(answer.status))
        return answer
      } catch (error) {
        options.onOutcome?.(request.version, error instanceof RequestError ? error.code : 'Internal')
        throw error
      }
    },
    close: () => agent.close(),
  }
}

function codeOf(error: unknown): string {
  if (error instanceof errors.UndiciError) return error.code
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : 'unknown'
}
