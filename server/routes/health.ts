import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../server-context.ts'

const alive = z.strictObject({ status: z.literal('ok') })
const readiness = z.strictObject({
  ready: z.boolean(),
  reason: z.string().optional().describe('Why not, where it is not.'),
})

export const healthRoutes: FastifyPluginCallbackZod<{ context: ServerContext }> = (app, { context }, done) => {
  const tags = ['health']
  app.get('/healthz', { schema: { tags, summary: 'The process is alive', response: { 200: alive } } }, () => ({
    status: 'ok' as const,
  }))
  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'This pod takes requests',
        description: 'True once a golden inference on this very artifact has passed, false while shutting down.',
        response: { 200: readiness, 503: readiness },
      },
    },
    (_request, reply) => {
      const reason = context.lifecycle.notReadyReason()
      reply.code(reason === undefined ? 200 : 503)
      return reason === undefined ? { ready: true } : { ready: false, reason }
    },
  )
  done()
}
