/** Port 8001: Prometheus metrics, apart from the public API. */
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

export function createMetricsApp(registry: Registry, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({ loggerInstance: log, logController: new LogController({ disableRequestLogging: true }) })
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
  app.get('/healthz', () => ({ status: 'ok' }))
  return app
}
