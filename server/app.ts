/** The public API as a plugin-built fastify instance; main.ts only starts it. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { HEADERS } from '../contract/names.ts'
import { useApiDocs } from './plugins/api-docs.ts'
import { sendError, useErrorHandling } from './plugins/error-handling.ts'
import { requestId, setIdentityHeaders, useIdentityHeaders, type Identity } from './plugins/identity-headers.ts'
import { useJsonBody } from './plugins/json-body.ts'
import { usePredictionMetrics } from './plugins/prediction-metrics.ts'
import { RequestError, type ErrorCode } from './request-error.ts'
import { healthRoutes } from './routes/health.ts'
import { openInferenceRoutes } from './routes/open-inference.ts'
import { predictRoutes } from './routes/predict.ts'
import { toErrorBody } from './schemas/error.ts'
import type { ServerContext } from './server-context.ts'

export async function createApp(context: ServerContext, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: log,
    // Texts are the callers' data: requests are counted, not logged.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: context.config.maxBodyBytes,
    genReqId: (request) => requestId(request.headers),
    // A request that reached this process is answered, also while it shuts down.
    return503OnClosing: false,
    keepAliveTimeout: 75_000,
    requestTimeout: 60_000,
    // What the router itself refuses runs no hooks.
    frameworkErrors: (error, request, reply) => {
      setIdentityHeaders(request, reply, context)
      sendError(error, request, reply)
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, context),
  })
  // Node would answer an unknown `Expect` header with a bare 417; it may as well be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  useIdentityHeaders(app, context)
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Callers with kept-alive connections move to another pod with their next request.
    if (context.lifecycle.isDraining) reply.header('connection', 'close')
    done()
  })
  useJsonBody(app)
  useErrorHandling(app)
  usePredictionMetrics(app, context.metrics)
  await useApiDocs(app)
  await app.register(healthRoutes, { context })
  await app.register(predictRoutes, { context })
  await app.register(openInferenceRoutes, { context })
  return app
}

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HeadersTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'RequestTimeout',
}

/** What is no HTTP request reaches no route: the answer is written to the connection itself. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, identity: Identity): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const failure = new RequestError(
    CLIENT_ERRORS[error.code ?? ''] ?? 'BadRequest',
    `no valid HTTP request: ${error.message}`,
  )
  const body = JSON.stringify(toErrorBody(failure))
  socket.end(
    [
      `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${HEADERS.modelVersion}: ${identity.version}`,
      `${HEADERS.modelDigest}: ${identity.digest}`,
      `${HEADERS.requestId}: ${crypto.randomUUID()}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
