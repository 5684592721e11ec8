/** What reaches a public API beside good requests, and with which statuses it has to be answered. */
import { HEADERS } from '../../../../contract/names.ts'

export interface BadRequest {
  what: string
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: Buffer
  /** Any of these. */
  statuses: readonly number[]
}

const JSON_TYPE = { 'content-type': 'application/json' }

function post(what: string, body: string | Buffer, status: number, more: Partial<BadRequest> = {}): BadRequest {
  return {
    what,
    method: 'POST',
    path: '/predict',
    headers: JSON_TYPE,
    body: Buffer.from(body),
    statuses: [status],
    ...more,
  }
}

const GOOD = JSON.stringify({ text: 'A moving and beautifully acted film.' })

export const BAD_REQUESTS: readonly BadRequest[] = [
  post('half a JSON', '{"text": "fine', 400),
  post('no field', '{}', 422),
  post('a number for the text', '{"text": 7}', 422),
  post('an unknown field', '{"text": "fine", "more": 1}', 422),
  post('a blank text', '{"text": "  "}', 422),
  post('a control character', JSON.stringify({ text: 'fine\u0000' }), 422),
  post('a lone surrogate', String.raw`{"text": "\ud800"}`, 422),
  post('bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0x74, 0xff, 0xfe, 0x22, 0x7d]), 400),
  post('another content type', GOOD, 415, { headers: { 'content-type': 'text/plain' } }),
  post('a deadline that is no number', GOOD, 400, { headers: { ...JSON_TYPE, [HEADERS.deadline]: 'soon' } }),
  post('a deadline that nobody keeps', GOOD, 504, {
    headers: { ...JSON_TYPE, [HEADERS.deadline]: '1' },
    statuses: [200, 429, 503, 504],
  }),
  post('a text of too many characters', JSON.stringify({ text: 'a '.repeat(40_000) }), 413),
  post('a body that is too large', JSON.stringify({ text: 'a'.repeat(1_200_000) }), 413),
  post('an unknown path', GOOD, 404, { path: '/predictions' }),
  { what: 'another method', method: 'GET', path: '/predict', headers: {}, statuses: [405] },
]
