import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { podUrl, requestJson, type JsonRequest } from './pod-http.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function podThat(answers: RequestListener, host = '127.0.0.1') {
  const server = createServer(answers)
  open.push(server)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return podUrl(host, (server.address() as AddressInfo).port)
}

const schema = z.object({ name: z.string() })
const ask = (url: string, change: Partial<JsonRequest<typeof schema>> = {}, signal = new AbortController().signal) =>
  requestJson({ url, schema, timeoutMs: 2_000, maxBytes: 1_000, ...change }, signal)

describe('the answer of a pod', () => {
  test('is read, with its headers', async () => {
    const url = await podThat((_, response) => {
      response.setHeader('x-model-version', 'new').end('{"name":"a","more":1}')
    })
    const { body, headers } = await ask(url)
    expect(body).toEqual({ name: 'a' })
    expect(headers['x-model-version']).toBe('new')
  })

  test('is that to what was sent, where something was sent', async () => {
    const url = await podThat((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        const name = [request.method, request.headers['content-type'], request.headers['x-mine'], text].join(' ')
        response.end(JSON.stringify({ name }))
      })
    })
    const { body } = await ask(url, { body: { text: 'fine' }, headers: { 'x-mine': 'yes' } })
    expect(body.name).toBe('POST application/json yes {"text":"fine"}')
    expect((await ask(url, { headers: { 'x-mine': 'yes' } })).body.name).toBe('GET  yes ')
  })

  test('comes from an IPv6 address too', async ({ skip }) => {
    expect(podUrl('fd00::1', 8001)).toBe('http://[fd00::1]:8001')
    const url = await podThat((_, response) => response.end('{"name":"six"}'), '::1').catch(() => undefined)
    if (url === undefined) return skip('this machine has no IPv6')
    expect((await ask(url)).body.name).toBe('six')
  })

  test('of another status is an error that says what it was, cut', async () => {
    const url = await podThat((_, response) => response.writeHead(503).end(`loading${'!'.repeat(500)}`))
    const error = await ask(url).catch((reason: unknown) => reason as Error)
    expect(error).toMatchObject({ message: expect.stringMatching(/^status 503: loading!{193}$/) as string })
  })

  test('that never ends is cut off at the limit, not kept', async () => {
    let sent = 0
    const url = await podThat((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(500))) sent += 500
      }
      response.on('drain', more)
      more()
    })
    await expect(ask(url)).rejects.toThrow('the answer is longer than 1000 bytes')
    await expect.poll(() => open[0]?.listening).toBe(true)
    const before = sent
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(sent).toBe(before)
  })

  test('as long as the limit is read', async () => {
    const text = JSON.stringify({ name: 'x'.repeat(1_000 - '{"name":""}'.length) })
    const url = await podThat((_, response) => response.end(text))
    expect((await ask(url)).body.name).toHaveLength(989)
  })

  test('that does not come in time is an error, also where its bytes drip', async () => {
    const silent = await podThat(() => undefined)
    await expect(ask(silent, { timeoutMs: 50 })).rejects.toThrow(/timeout/i)
    const dripping = await podThat((_, response) => {
      const timer = setInterval(() => response.write(' '), 10)
      response.on('close', () => {
        clearInterval(timer)
      })
    })
    await expect(ask(dripping, { timeoutMs: 100 })).rejects.toThrow(/timeout/i)
  })

  test('is not waited for where the caller gives up', async () => {
    const url = await podThat(() => undefined)
    const controller = new AbortController()
    const asked = ask(url, { timeoutMs: 60_000 }, controller.signal)
    controller.abort(new Error('the operator stops'))
    await expect(asked).rejects.toThrow('the operator stops')
  })

  test('that is no JSON, or another one, is an error of one readable line', async () => {
    const garbage = await podThat((_, response) => response.end('<html>'))
    await expect(ask(garbage)).rejects.toThrow('no JSON: <html>')
    const other = await podThat((_, response) => response.end('{"name":7}'))
    const error = await ask(other).catch((reason: unknown) => reason as Error)
    expect(error).toMatchObject({ message: expect.stringContaining('expected string, received number') as string })
    expect((error as Error).message).not.toContain('{')
  })

  test('is an error where nobody listens', async () => {
    const url = await podThat(() => undefined)
    const [server] = open.splice(0)
    await new Promise((resolve) => server?.close(resolve))
    await expect(ask(url)).rejects.toThrow('ECONNREFUSED')
  })
})
