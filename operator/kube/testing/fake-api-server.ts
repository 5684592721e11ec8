import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import type { KubeObject, Live } from '../object.ts'

type Fields = Record<string, unknown>
type Stored = Live<KubeObject>

/** Answers a request in the fake's place; false leaves it to the fake. */
export type Fault = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean

/**
 * An API server in this process, for faults that a real one can't produce on demand. What it does without faults (objects of any
 * namespaced resource: create, get, list in pages, replace, apply, merge patch, delete, watch) is held to the real one by
 * the contract suite of the integration tests. It knows no schemas, no managed fields, no finalizers.
 */
export class FakeApiServer {
  readonly requests: string[] = []
  readonly #objects = new Map<string, Stored>()
  readonly #history: { path: string; type: string; object: Stored }[] = []
  readonly #watchers = new Set<{ path: string; send: (type: string, object: unknown) => void; end: () => void }>()
  readonly #faults: Fault[] = []
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  #version = 1
  /** Versions up to this one are forgotten: a watch from there is 410. */
  #forgotten = 0

  async start(): Promise<{ config: KubeConfig }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as AddressInfo
    const config = new KubeConfig()
    config.loadFromClusterAndUser(
      { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'user', token: 'token' },
    )
    return { config }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The next requests are offered to these faults, each of which is used up by the first it answers. */
  inject(...faults: Fault[]): void {
    this.#faults.push(...faults)
  }

  get watching(): number {
    return this.#watchers.size
  }

  /** As compaction does: watches from before now, and running pages, are 410. */
  forget(): void {
    this.#forgotten = this.#version
  }

  endWatches(): void {
    for (const { end } of this.#watchers) end()
  }

  bookmark(): void {
    for (const { send } of this.#watchers) send('BOOKMARK', { metadata: { resourceVersion: String(this.#version) } })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const method = request.method ?? 'GET'
    this.requests.push(`${method} ${url.pathname}${url.searchParams.has('watch') ? ' watch' : ''}`)
    let text = ''
    for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString()
    const fault = this.#faults[0]
    if (fault?.(request, response, url)) {
      this.#faults.shift()
      return
    }
    const [, collection, name] = /^(.*?\/namespaces\/[^/]+\/[^/]+)(?:\/([^/]+))?$/.exec(url.pathname) ?? []
    if (collection === undefined) {
      sendStatus(response, 404, 'NotFound', `no path ${url.pathname}`)
      return
    }
    const body = (text === '' ? {} : JSON.parse(text)) as Fields
    if (name !== undefined) this.#serveObject(method, collection, name, body, request, response)
    else if (method === 'POST') this.#create(collection, body, response)
    else if (url.searchParams.has('watch')) this.#watch(collection, url, response)
    else this.#list(collection, url, response)
  }

  #serveObject(
    method: string,
    collection: string,
    name: string,
    body: Fields,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const path = `${collection}/${name}`
    const stored = this.#objects.get(path)
    const metadata = (body['metadata'] ?? {}) as Partial<Stored['metadata']>
    const isApply = request.headers['content-type'] === 'application/apply-patch+yaml'
    if (!stored && isApply && method === 'PATCH') return this.#create(collection, body, response)
    if (!stored) return sendStatus(response, 404, 'NotFound', `"${name}" not found`)
    switch (method) {
      case 'GET':
        return send(response, 200, stored)
      case 'PUT':
      case 'PATCH': {
        if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== stored.metadata.resourceVersion)
          return sendStatus(response, 409, 'Conflict', 'the object has been modified')
        const { uid, creationTimestamp } = stored.metadata
        const merged = method === 'PUT' ? body : (merge(stored, body) as Fields)
        const fixed = { ...(merged['metadata'] as Fields), uid, creationTimestamp }
        return send(response, 200, this.#write(path, collection, 'MODIFIED', { ...merged, metadata: fixed }))
      }
      case 'DELETE': {
        const { uid, resourceVersion } = (body['preconditions'] ?? {}) as Partial<Stored['metadata']>
        if (
          (uid !== undefined && uid !== stored.metadata.uid) ||
          (resourceVersion !== undefined && resourceVersion !== stored.metadata.resourceVersion)
        )
          return sendStatus(response, 409, 'Conflict', 'the precondition is not met')
        this.#write(path, collection, 'DELETED', { ...stored })
        return send(response, 200, { apiVersion: 'v1', kind: 'Status', status: 'Success' })
      }
      default:
        return sendStatus(response, 405, 'MethodNotAllowed', method)
    }
  }

  #create(collection: string, body: Fields, response: ServerResponse): void {
    const metadata = body['metadata'] as Fields
    const path = `${collection}/${String(metadata['name'])}`
    if (this.#objects.has(path)) return sendStatus(response, 409, 'AlreadyExists', 'already exists')
    const fixed = { ...metadata, uid: randomUUID(), creationTimestamp: new Date().toISOString() }
    send(response, 201, this.#write(path, collection, 'ADDED', { ...body, metadata: fixed }))
  }

  #write(path: string, collection: string, type: string, fields: Fields): Stored {
    const resourceVersion = String(++this.#version)
    const object = { ...fields, metadata: { ...(fields['metadata'] as Fields), resourceVersion } } as unknown as Stored
    if (type === 'DELETED') this.#objects.delete(path)
    else this.#objects.set(path, object)
    this.#history.push({ path: collection, type, object })
    for (const watcher of this.#watchers) if (watcher.path === collection) watcher.send(type, object)
    return object
  }

  #list(collection: string, url: URL, response: ServerResponse): void {
    const [at, from = '0'] = (url.searchParams.get('continue') ?? '').split(':')
    if (at !== undefined && at !== '' && Number(at) <= this.#forgotten)
      return sendStatus(response, 410, 'Expired', 'the continue token is too old')
    const all = [...this.#objects].filter(([path]) => path.slice(0, path.lastIndexOf('/')) === collection)
    const limit = Number(url.searchParams.get('limit') ?? all.length)
    const end = Number(from) + limit
    // As the real server does: items without kind.
    const items = all.slice(Number(from), end).map(([, { apiVersion: _, kind: __, ...object }]) => object)
    const resourceVersion = at !== undefined && at !== '' ? at : String(this.#version)
    const next = end < all.length ? { continue: `${resourceVersion}:${end}` } : {}
    send(response, 200, { kind: 'List', metadata: { resourceVersion, ...next }, items })
  }

  #watch(path: string, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion') ?? 0)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const send = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`)
    if (from < this.#forgotten) {
      send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` })
      response.end()
      return
    }
    for (const event of this.#history)
      if (event.path === path && Number(event.object.metadata.resourceVersion) > from) send(event.type, event.object)
    const watcher = { path, send, end: () => response.end() }
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
  }
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged = new Map(Object.entries((target ?? {}) as Fields))
  for (const [name, value] of Object.entries(patch))
    if (value === null) merged.delete(name)
    else merged.set(name, merge(merged.get(name), value))
  return Object.fromEntries(merged)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(code, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message }))
}
