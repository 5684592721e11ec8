import type { Logger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { Cache } from './cache.ts'
import type { KubeMetrics } from './metrics.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'
import type { Transport } from './transport.ts'

export interface InformerOptions<T extends KubeObject> {
  transport: Transport
  resource: Resource<T>
  namespace?: string | undefined
  labelSelector?: string
  fieldSelector?: string
  /** Secondary indexes by name: the values under which an object is found. `owner` (uids of its owners) is always there. */
  indexes?: Record<string, (object: T) => readonly string[]>
  clock: Clock
  log: Logger
  metrics: KubeMetrics
}

/** A local copy of all objects of one kind, kept current by a watch that is repeated for ever. */
export interface Informer<T extends KubeObject> {
  readonly name: string
  readonly cache: Cache<T>
  hasSynced(): boolean
  /** Resolves with the first complete list. */
  synced(signal: AbortSignal): Promise<void>
  /** Milliseconds since the API server was last heard of (an event, a bookmark or a list); Infinity before the first list. */
  staleMs(): number
  /** Runs until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

export declare function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T>
