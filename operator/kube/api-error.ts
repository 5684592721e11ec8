/** What the API server refused, from its `Status` object. Use `status` and `reason` to decide, `message` to tell. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code = 'KUBE_API'
  readonly status: number
  /** `NotFound`, `Conflict`, `AlreadyExists`, `Invalid`, `Forbidden`, `Expired`, ...; `Unknown` where the server gave none. */
  readonly reason: string
  /** Which fields were refused, and why. */
  readonly causes: readonly { field?: string; reason?: string; message?: string }[]
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: { status: number; reason: string; causes?: ApiError['causes']; retryAfterMs?: number | undefined },
  ) {
    super(message)
    this.status = options.status
    this.reason = options.reason
    this.causes = options.causes ?? []
    this.retryAfterMs = options.retryAfterMs
  }
}

/**
 * No answer from the API server, so it is not known whether a write took place.
 * - `KUBE_CONNECTION`: refused, reset, name not resolved, TLS
 * - `KUBE_TIMEOUT`: no complete answer within the time given
 * - `KUBE_PROTOCOL`: an answer that is not JSON
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: 'KUBE_CONNECTION' | 'KUBE_TIMEOUT' | 'KUBE_PROTOCOL'

  constructor(code: ConnectionError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export const isApiError = (error: unknown, reason?: string): error is ApiError =>
  error instanceof ApiError && (reason === undefined || error.reason === reason)
export const isNotFound = (error: unknown): error is ApiError => error instanceof ApiError && error.status === 404
/** Another writer was first (409): read again, decide again. */
export const isConflict = (error: unknown): error is ApiError =>
  error instanceof ApiError && error.status === 409 && error.reason !== 'AlreadyExists'
export const isAlreadyExists = (error: unknown): error is ApiError => isApiError(error, 'AlreadyExists')
