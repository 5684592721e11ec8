/** /openapi.json from the routes' schemas, and /docs: Swagger UI from this process, without the internet. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import packageJson from '../../package.json' with { type: 'json' }

export async function useApiDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Valence', description: 'Sentiment of texts.', version: packageJson.version },
    },
    transform: jsonSchemaTransform,
  })
  // The default asks a public service to validate the document.
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { validatorUrl: null }, staticCSP: true })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}
