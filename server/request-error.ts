/** Every way in which a request can fail, with its status: the one table that error handling reads. */
export const ERROR_STATUS = {
  // What was sent can't be read.
  BadRequest: 400,
  InvalidJson: 400,
  InvalidUtf8: 400,
  BodyMissing: 400,
  BodyTooDeep: 400,
  InvalidTimeout: 400,
  // It can be read, and is not what the endpoint takes. 422 as the original (FastAPI) answers.
  InvalidBody: 422,
  InvalidText: 422,
  TooManyTexts: 422,
  NotFound: 404,
  BaselineNotDeclared: 404,
  ModelNotFound: 404,
  VersionNotFound: 404,
  MethodNotAllowed: 405,
  RequestTimeout: 408,
  BodyTooLarge: 413,
  TextTooLong: 413,
  UnsupportedMediaType: 415,
  QueueFull: 429,
  Overloaded: 429,
  HeadersTooLarge: 431,
  /** Only in logs and metrics: nobody is there to read it. */
  Abandoned: 499,
  Internal: 500,
  InferenceFailed: 500,
  WorkerLost: 500,
  VersionUnreachable: 502,
  RoutingUnknown: 503,
  EngineClosed: 503,
  DeadlineExceeded: 504,
} as const
export type ErrorCode = keyof typeof ERROR_STATUS

export class RequestError extends Error {
  readonly code: ErrorCode
  /** Headers that belong to the answer: Allow, Retry-After. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { headers?: Record<string, string> }) {
    super(message, options)
    this.name = 'RequestError'
    this.code = code
    this.headers = options?.headers ?? {}
  }

  get status(): number {
    return ERROR_STATUS[this.code]
  }
}
