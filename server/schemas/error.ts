import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { ERROR_STATUS, type ErrorCode, type RequestError } from '../request-error.ts'

const codes = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]

export const errorBody = z
  .strictObject({
    error: z.string().describe('The reason phrase of the HTTP status.'),
    code: z.enum(codes).describe('The kind of the failure, stable over releases.'),
    message: z.string().describe('What was found and what to do.'),
  })
  .describe('The answer to every request that failed.')
export type ErrorBody = z.infer<typeof errorBody>

export function toErrorBody(error: RequestError): ErrorBody {
  return { error: STATUS_CODES[error.status] ?? 'Client Closed Request', code: error.code, message: error.message }
}

/** The form of the Open Inference Protocol. */
export const openInferenceError = z
  .strictObject({ error: z.string() })
  .describe('The answer to every request that failed.')
