/** Every failure becomes a RequestError, and every RequestError the answer that its path promises. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { InferenceError } from '../inference/inference-error.ts'
import { RequestError, type ErrorCode } from '../request-error.ts'
import { toErrorBody } from '../schemas/error.ts'
import { createMethodTable } from './method-table.ts'

/** Errors that fastify raises itself and the caller is at fault for. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BodyTooLarge',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UnsupportedMediaType',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BadRequest',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BodyMissing',
  FST_ERR_CTP_EMPTY_TYPE: 'UnsupportedMediaType',
  FST_ERR_BAD_URL: 'BadRequest',
  FST_ERR_ASYNC_CONSTRAINT: 'BadRequest',
}

export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  if (error instanceof InferenceError) {
    const seconds = error.retryAfterSeconds
    const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) }
    const isFault = error.code === 'InferenceFailed' || error.code === 'WorkerLost'
    const message = isFault ? 'the model could not judge this text' : error.message
    return new RequestError(error.code, message, { headers, cause: error })
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    return new RequestError('InvalidBody', describe(error), { cause: error })
  }
  const fastifyError = error as Partial<FastifyError>
  const code = FASTIFY_CODES[fastifyError.code ?? '']
  if (code === 'UnsupportedMediaType') {
    return new RequestError(code, 'the content-type must be application/json', { cause: error })
  }
  if (code !== undefined) return new RequestError(code, fastifyError.message ?? code, { cause: error })
  const status = fastifyError.statusCode ?? 500
  if (status >= 400 && status < 500) {
    return new RequestError('BadRequest', fastifyError.message ?? 'bad request', { cause: error })
  }
  return new RequestError('Internal', 'internal error; the log has its cause under this request id', { cause: error })
}

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = toRequestError(error)
  if (failure.status >= 500) {
    // A full queue or a passed deadline is load, not a fault.
    const level = failure.status === 500 ? 'error' : 'warn'
    request.log[level]({ err: failure.cause ?? failure, code: failure.code }, failure.message)
  }
  const isOpenInference = request.url === '/v2' || request.url.startsWith('/v2/')
  void reply
    .code(failure.status)
    .headers(failure.headers)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(isOpenInference ? { error: failure.message } : toErrorBody(failure)))
}

export function useErrorHandling(app: FastifyInstance): void {
  const methods = createMethodTable(app)
  app.setErrorHandler(sendError)
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = methods.of(path)
    if (allowed.length > 0) {
      const allow = allowed.join(', ')
      const message = `${path} takes ${allow}, not ${request.method}`
      sendError(new RequestError('MethodNotAllowed', message, { headers: { allow } }), request, reply)
    } else sendError(new RequestError('NotFound', `no such path: ${path}; /docs lists what there is`), request, reply)
  })
}

/** `body.text: expected string, received number`; a missing body is named as such. */
function describe(error: {
  validation: { instancePath: string; message?: string }[]
  validationContext?: string
}): string {
  const context = error.validationContext ?? 'body'
  return error.validation
    .map(({ instancePath, message }) => {
      const path = instancePath.split('/').filter((part) => part !== '')
      return `${[context, ...path].join('.')}: ${message ?? 'is invalid'}`
    })
    .join('; ')
}
