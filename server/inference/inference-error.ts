export const INFERENCE_ERROR_CODES = [
  /** The queue has no room: come back after `retryAfterSeconds`. */
  'QueueFull',
  /** What waits already would keep the answer beyond the caller's deadline: come back after `retryAfterSeconds`. */
  'Overloaded',
  /** The caller's deadline passed before the answer was there. */
  'DeadlineExceeded',
  /** The caller went away. */
  'Abandoned',
  /** The model refused the input or gave no usable logits. */
  'InferenceFailed',
  /** A worker died over it, and another one too. */
  'WorkerLost',
  /** The engine was closed. */
  'EngineClosed',
] as const
export type InferenceErrorCode = (typeof INFERENCE_ERROR_CODES)[number]

export class InferenceError extends Error {
  readonly code: InferenceErrorCode
  readonly retryAfterSeconds: number | undefined

  constructor(code: InferenceErrorCode, message: string, options?: ErrorOptions & { retryAfterSeconds?: number }) {
    super(message, options)
    this.name = 'InferenceError'
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }
}
