/** A little HTTP server in the place of another version, for what no real one does on purpose. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'

const running: Server[] = []
afterEach(() => {
  for (const server of running.splice(0)) {
    server.close()
    // Also those on which an answer is still owed.
    server.closeAllConnections()
  }
})

/** Gone after the test that asked for it. */
export async function startFake(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener)
  running.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
