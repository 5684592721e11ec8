import { Backoff } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import { ApiError, ConnectionError } from './api-error.ts'
import { lines } from './json-lines.ts'
import { listAll, type ListOptions } from './list.ts'
import type { KubeObject, Live } from './object.ts'
import { pathOf, type Resource } from './resource.ts'
import type { Transport } from './transport.ts'

export type WatchEvent<T extends KubeObject> =
  /** The whole state, which replaces what was known: first, and again after the server has forgotten where the watch was. */
  | { type: 'listed'; objects: Live<T>[]; resourceVersion: string }
  | { type: 'applied'; object: Live<T> }
  | { type: 'deleted'; object: Live<T> }
  /** Nothing has changed up to here: the connection lives. */
  | { type: 'bookmark'; resourceVersion: string }
  | { type: 'interrupted'; error: unknown; phase: State['phase']; retryInMs: number }

export interface WatchOptions<T extends KubeObject> extends ListOptions {
  transport: Transport
  resource: Resource<T>
  clock: Clock
  pageSize?: number
  /** The server ends a watch after this long, so that no connection is for ever; 290 s unless said. */
  watchSeconds?: number
  /** Longer than the minute between two bookmarks; 150 s unless said. */
  idleTimeoutMs?: number
  random?: () => number
}

type State =
  | { phase: 'listing' }
  /** Everything up to this version has been given out. */
  | { phase: 'watching'; resourceVersion: string; failures: number }

/** A version that the server can't serve, but without saying 410 (etcd restored from a backup): after this many tries, list anew. */
const FAILURES_BEFORE_LIST = 3
/** A watch that ends sooner than this was not served. */
const SHORTEST_WATCH_MS = 1_000

/**
 * The state of a collection and all its changes, until the signal is aborted. It never gives up: every error is told as `interrupted`
 * and tried again after a back-off, which starts anew after two minutes without an error.
 *
 * Two states. *Listing* takes all objects of one moment, then turns to watching from that moment. *Watching* reads events and
 * remembers the version of the last one; when the connection ends it goes on from there, and nothing is missed. Only when the server has
 * forgotten that version (410) does it list again. Events of one object come in order; the same event may come twice.
 */
export async function* watch<T extends KubeObject>(
  options: WatchOptions<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const { transport, resource, clock, pageSize = 500, random } = options
  const backoff = new Backoff({
    initialMs: 500,
    maxMs: 30_000,
    resetAfterMs: 120_000,
    clock,
    ...(random && { random }),
  })
  const isAborted = () => signal.aborted
  let state: State = { phase: 'listing' }
  while (!isAborted()) {
    try {
      if (state.phase === 'listing') {
        const { items, resourceVersion } = await listAll(transport, resource, { ...options, pageSize }, signal)
        yield { type: 'listed', objects: items, resourceVersion }
        state = { phase: 'watching', resourceVersion, failures: 0 }
      } else {
        const begin = clock.monotonic()
        const before: string = state.resourceVersion
        for await (const event of watchOnce(options, before, signal)) {
          yield event
          const resourceVersion: string =
            event.type === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion
          state = { phase: 'watching', resourceVersion, failures: 0 }
        }
        if (clock.monotonic() - begin < SHORTEST_WATCH_MS && state.resourceVersion === before)
          throw new ConnectionError('KUBE_CONNECTION', `watch ${resource.plural}: ended at once, without an event`)
      }
    } catch (error) {
      if (isAborted()) return
      const { phase }: State = state
      if (state.phase === 'watching') {
        const failures: number = state.failures + 1
        state = isExpired(error) || failures >= FAILURES_BEFORE_LIST ? { phase: 'listing' } : { ...state, failures }
      }
      const retryInMs = backoff.next()
      yield { type: 'interrupted', error, phase, retryInMs }
      try {
        await clock.sleep(retryInMs, signal)
      } catch {
        return // aborted
      }
    }
  }
}

interface Frame {
  type: string
  object: KubeObject & { code?: number; reason?: string; message?: string }
}

async function* watchOnce<T extends KubeObject>(
  options: WatchOptions<T>,
  resourceVersion: string,
  signal: AbortSignal,
): AsyncGenerator<Exclude<WatchEvent<T>, { type: 'listed' | 'interrupted' }>> {
  const { transport, resource, namespace, labelSelector, fieldSelector } = options
  const { watchSeconds = 290, idleTimeoutMs = 150_000 } = options
  const stream = await transport.stream({
    path: pathOf(resource, { namespace }),
    query: {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      labelSelector,
      fieldSelector,
      timeoutSeconds: watchSeconds,
    },
    idleTimeoutMs,
    signal,
  })
  for await (const line of lines(stream)) {
    const { type, object } = parse(line)
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        yield { type: 'applied', object: object as Live<T> }
        break
      case 'DELETED':
        yield { type: 'deleted', object: object as Live<T> }
        break
      case 'BOOKMARK':
        yield { type: 'bookmark', resourceVersion: object.metadata.resourceVersion ?? resourceVersion }
        break
      case 'ERROR':
        throw new ApiError(`watch ${resource.plural}: ${object.message ?? ''} (${object.code ?? 'no code'})`, {
          status: object.code ?? 500,
          reason: object.reason ?? 'Unknown',
        })
      default:
        throw new ConnectionError('KUBE_PROTOCOL', `watch ${resource.plural}: unknown event ${type}`)
    }
  }
}

function parse(line: string): Frame {
  try {
    return JSON.parse(line) as Frame
  } catch (error) {
    throw new ConnectionError('KUBE_PROTOCOL', `an event of a watch is not JSON: ${line.slice(0, 200)}`, {
      cause: error,
    })
  }
}

/** `Expired` and `Gone` both come as 410. */
function isExpired(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410
}
