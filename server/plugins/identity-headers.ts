/** Version, digest and request id on every answer, errors included, so that any answer can be traced to a model. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HEADERS } from '../../contract/names.ts'

export interface Identity {
  version: string
  digest: string
}

export function useIdentityHeaders(app: FastifyInstance, identity: Identity): void {
  app.addHook('onRequest', (request, reply, done) => {
    setIdentityHeaders(request, reply, identity)
    done()
  })
}

export function setIdentityHeaders(request: FastifyRequest, reply: FastifyReply, identity: Identity): void {
  reply.header(HEADERS.requestId, request.id)
  reply.header(HEADERS.modelVersion, identity.version)
  reply.header(HEADERS.modelDigest, identity.digest)
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** The caller's id where it is one that logs can carry, else a new one. */
export function requestId(headers: Record<string, string | string[] | undefined>): string {
  const given = headers[HEADERS.requestId]
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : crypto.randomUUID()
}
