import type { Logger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import { ApiError, ConnectionError } from './api-error.ts'
import { type Cache, type Indexes, ObjectStore } from './cache.ts'
import type { KubeMetrics } from './metrics.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'
import { watch, type WatchEvent, type WatchOptions } from './watch.ts'

export interface InformerOptions<T extends KubeObject> extends WatchOptions<T> {
  resource: Resource<T>
  /** Secondary indexes by name: the values under which an object is found. `owner` (the uids of its owners) is always there. */
  indexes?: Indexes<T>
  clock: Clock
  log: Logger
  metrics: KubeMetrics
}

/** A local copy of all objects of one kind, kept current by a watch that is repeated for ever. */
export interface Informer<T extends KubeObject> {
  readonly name: string
  readonly cache: Cache<T>
  hasSynced: () => boolean
  /** Resolves with the first complete list. */
  synced: (signal: AbortSignal) => Promise<void>
  /** Milliseconds since the API server was last heard of (an event, a bookmark or a list); Infinity before the first list. */
  staleMs: () => number
  /** Runs until the signal is aborted. */
  run: (signal: AbortSignal) => Promise<void>
}

export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { resource, indexes, clock, log, metrics } = options
  const name = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`
  const store = new ObjectStore<T>(indexes)
  const firstList = Promise.withResolvers<undefined>()
  let hasSynced = false
  let heardAt = -Infinity
  const staleMs = () => clock.monotonic() - heardAt
  metrics.watchStaleness(name, staleMs)

  const take = (event: WatchEvent<T>) => {
    if (event.type !== 'interrupted') heardAt = clock.monotonic()
    switch (event.type) {
      case 'listed':
        store.listed(event.objects, event.resourceVersion)
        log.debug({ resource: name, objects: event.objects.length }, hasSynced ? 'listed anew' : 'listed')
        hasSynced = true
        firstList.resolve(undefined)
        break
      case 'applied':
        store.applied(event.object)
        break
      case 'deleted':
        store.deleted(event.object)
        break
      case 'bookmark':
        store.bookmark(event.resourceVersion)
        break
      case 'interrupted': {
        const { error: err, phase, retryInMs } = event
        metrics.watchRestarts.inc({ resource: name, reason: reasonOf(err) })
        log.warn({ resource: name, phase, err, retryInMs: Math.round(retryInMs) }, 'watch interrupted')
        break
      }
    }
  }

  return {
    name: `informer ${name}`,
    cache: store,
    hasSynced: () => hasSynced,
    synced: (signal) =>
      new Promise((resolve, reject) => {
        const abort = () => reject(signal.reason as Error)
        if (signal.aborted) abort()
        signal.addEventListener('abort', abort, { once: true })
        void firstList.promise.then(() => {
          signal.removeEventListener('abort', abort)
          resolve()
        })
      }),
    staleMs,
    run: async (signal) => {
      for await (const event of watch(options, signal)) take(event)
    },
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.reason
  return error instanceof ConnectionError ? error.code : 'other'
}
