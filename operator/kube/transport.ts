import type { Clock } from '../runtime/clock.ts'
import type { Connection } from './connection.ts'
import type { KubeMetrics } from './metrics.ts'

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Record<string, string | number | boolean | undefined>
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  /** Deadline of the whole call, retries included; 30 s unless said. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

export interface Transport {
  /** The parsed JSON; `text/plain` answers (logs, /version is JSON) come as a string. */
  request(request: TransportRequest): Promise<unknown>
  /** A GET whose body goes on: for watches. Resolves with the headers. */
  stream(request: {
    path: string
    query?: TransportRequest['query']
    /** Until the headers; and between two chunks. */
    headersTimeoutMs?: number
    idleTimeoutMs?: number
    signal: AbortSignal
  }): Promise<AsyncIterable<Uint8Array>>
}

export declare function createTransport(options: {
  connection: Connection
  clock: Clock
  metrics: KubeMetrics
  userAgent?: string
}): Transport
