/** Closing an API without losing an answer or waiting for connections on which nothing was asked. */
import type { FastifyInstance } from 'fastify'

const CHECK_INTERVAL_MS = 100

/** Counts what is being answered; to be called before the app listens. */
export function countRequests(app: FastifyInstance): { readonly inFlight: number } {
  const requests = { inFlight: 0 }
  app.server.on('request', (_request, response) => {
    requests.inFlight++
    response.once('close', () => requests.inFlight--)
  })
  return requests
}

/**
 * Stops listening and waits for the answers under way. A connection that never sent a request (a load balancer's, opened
 * ahead) is not idle in Node's sense and would be waited for until the drain timeout.
 */
export async function closeAnswered(app: FastifyInstance, requests: { readonly inFlight: number }): Promise<void> {
  const timer = setInterval(() => {
    if (requests.inFlight === 0) app.server.closeAllConnections()
  }, CHECK_INTERVAL_MS)
  try {
    await app.close()
  } finally {
    clearInterval(timer)
  }
}
