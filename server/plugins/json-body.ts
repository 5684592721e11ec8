/** The only body that is taken: UTF-8 JSON. Each way of not being that gets its own answer. */
import type { FastifyInstance } from 'fastify'
import { RequestError } from '../request-error.ts'

/** Nothing that an endpoint takes is deeper than four levels. */
const MAX_DEPTH = 32

export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) throw new RequestError('BodyMissing', 'the body is empty: send a JSON object')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw new RequestError('InvalidUtf8', 'the body is not valid UTF-8', { cause })
  }
  if (depthOf(text) > MAX_DEPTH) {
    throw new RequestError('BodyTooDeep', `the body is nested deeper than ${MAX_DEPTH} levels`)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RequestError('InvalidJson', `the body is not JSON: ${reason}`, { cause })
  }
}

export function useJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  // A POST without any body has no content type to dispatch on, and would reach the schema as null.
  app.addHook('preValidation', (request, _reply, done) => {
    const isMissing = request.method === 'POST' && request.body === undefined && !request.is404
    done(isMissing ? new RequestError('BodyMissing', 'the body is missing: send a JSON object') : undefined)
  })
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      done(
        new RequestError('UnsupportedMediaType', `content-encoding "${encoding}" is not taken: send the body as it is`),
      )
      return
    }
    try {
      done(null, parseJsonBody(body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
}

/** Deepest nesting of brackets outside of strings. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let isInString = false
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (isInString) {
      if (character === 0x5c) index++
      else if (character === 0x22) isInString = false
    } else if (character === 0x22) isInString = true
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (character === 0x7d || character === 0x5d) depth--
  }
  return deepest
}
