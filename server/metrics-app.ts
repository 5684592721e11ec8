/** Port 8001, apart from the public API: metrics for Prometheus, and the evidence that the operator judges a canary by. */
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { EVIDENCE_PATH } from '../contract/evidence.ts'
import type { EvidenceKeeper } from './routing/evidence.ts'

export function createMetricsApp(
  registry: Registry,
  evidence: EvidenceKeeper,
  log: FastifyBaseLogger,
): FastifyInstance {
  const app = fastify({ loggerInstance: log, logController: new LogController({ disableRequestLogging: true }) })
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
  app.get(EVIDENCE_PATH, () => evidence.snapshot())
  app.get('/healthz', () => ({ status: 'ok' }))
  return app
}
