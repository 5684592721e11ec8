/** Small JSON answers of our own pods. */
import { request } from 'undici'
import { z } from 'zod'

export interface JsonRequest<T extends z.ZodType> {
  url: string
  schema: T
  timeoutMs: number
  /** Who says more is not listened to. */
  maxBytes: number
  /** Sent as JSON by POST. */
  body?: unknown
  headers?: Record<string, string>
}

export interface JsonAnswer<T> {
  body: T
  headers: Record<string, string | string[] | undefined>
}

/** `http://<ip>:<port>`; an IPv6 address in brackets. */
export const podUrl = (ip: string, port: number) => `http://${ip.includes(':') ? `[${ip}]` : ip}:${port}`

/** @throws Error where the answer is not 200, too long, too late, or not of the schema */
export async function requestJson<T extends z.ZodType>(
  { url, schema, timeoutMs, maxBytes, body, headers }: JsonRequest<T>,
  signal: AbortSignal,
): Promise<JsonAnswer<z.output<T>>> {
  const answer = await request(url, {
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(body === undefined
      ? { headers: { ...headers } }
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        }),
  })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}`)
  const parsed = schema.safeParse(parsedJson(text))
  // Read by people, in a status.
  if (!parsed.success) throw new Error(`not the answer that is wanted: ${z.prettifyError(parsed.error)}`)
  return { body: parsed.data, headers: answer.headers }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`no JSON: ${text.slice(0, 200)}`, { cause })
  }
}
