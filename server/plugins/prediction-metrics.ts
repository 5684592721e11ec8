import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HEADERS } from '../../contract/names.ts'
import type { Metrics } from '../metrics.ts'
import { ERROR_STATUS } from '../request-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on prediction routes: the endpoint's name in the metrics. */
    endpoint?: string
  }
}

/** What another pod passes on: its caller is counted there, so that a sum over the pods counts every caller once. */
const FORWARDED = 'forwarded'

/** Counts every request of a route that has `config.endpoint` once, whatever it ended in. */
export function usePredictionMetrics(app: FastifyInstance, metrics: Metrics): void {
  const counted = new WeakSet<FastifyRequest>()
  const count = (request: FastifyRequest, reply: FastifyReply, status: number): void => {
    const { endpoint: own } = request.routeOptions.config
    if (own === undefined || counted.has(request)) return
    const endpoint = request.headers[HEADERS.forwarded] === undefined ? own : FORWARDED
    counted.add(request)
    metrics.predictionRequests.inc({ endpoint, status: String(status) })
    metrics.predictionDuration.observe({ endpoint }, reply.elapsedTime / 1000)
  }
  app.addHook('onRequest', (request, reply, done) => {
    // Where the caller goes away first, there is no response to hook on.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) count(request, reply, ERROR_STATUS.Abandoned)
    })
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    count(request, reply, reply.statusCode)
    done()
  })
}
