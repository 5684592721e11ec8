import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on prediction routes: the endpoint's name in the metrics. */
    endpoint?: string
  }
}

/** Counts every request of a route that has `config.endpoint`, whatever it ended in. */
export function usePredictionMetrics(app: FastifyInstance, metrics: Metrics): void {
  const observe = (endpoint: string | undefined, status: string, milliseconds: number): void => {
    if (endpoint === undefined) return
    metrics.predictionRequests.inc({ endpoint, status })
    metrics.predictionDuration.observe({ endpoint }, milliseconds / 1000)
  }
  app.addHook('onResponse', (request, reply, done) => {
    // The status of an answer that nobody got says nothing.
    const status = reply.raw.writableFinished ? String(reply.statusCode) : '499'
    observe(request.routeOptions.config.endpoint, status, reply.elapsedTime)
    done()
  })
}
