/** Which change concerns whom: every event becomes a key in a queue, and nothing else of it is kept. */
import { LABELS } from '../builders/metadata.ts'
import type { Cache, Change } from '../kube/cache.ts'
import { keyOf, type KubeObject } from '../kube/object.ts'
import type { HorizontalPodAutoscaler } from '../kube/resource.ts'
import type { WorkQueue } from '../runtime/workqueue.ts'
import { BY_MODEL, type Caches } from './caches.ts'

export interface Queues {
  models: WorkQueue
  versions: WorkQueue
}

export function connectWatches(caches: Caches, queues: Queues): void {
  const byLabel = (label: string, queue: WorkQueue) => (object: KubeObject) => {
    const name = object.metadata.labels?.[label]
    if (name !== undefined) queue.add(`${object.metadata.namespace ?? ''}/${name}`)
  }
  const model = byLabel(LABELS.model, queues.models)
  const version = byLabel(LABELS.version, queues.versions)

  onSpec(caches.models, (object) => queues.models.add(keyOf(object)))
  onSpec(caches.versions, (object) => queues.versions.add(keyOf(object)))
  onObject(caches.versions, model)
  onObject(caches.jobs, version)
  onObject(caches.pods, (object) =>
    object.metadata.labels?.[LABELS.component] === 'server' ? model(object) : version(object),
  )
  for (const cache of [
    caches.deployments,
    caches.services,
    caches.configMaps,
    caches.claims,
    caches.disruptionBudgets,
  ]) {
    onObject(cache as Cache<KubeObject>, model)
  }

  onVerdict(caches.autoscalers, model)

  // A version depends on its model's spec, not on the status that we write ourselves.
  onSpec(caches.models, (object) => {
    for (const owned of caches.versions.byIndex(BY_MODEL, keyOf(object))) queues.versions.add(keyOf(owned))
  })
}

/** Changes but those of the status: our own writes of it must not wake us, or a status that moves all the time is a loop. */
function onSpec<T extends KubeObject>(cache: Cache<T>, handle: (object: KubeObject) => void): void {
  const stated = ({ metadata }: KubeObject) =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      metadata.labels,
      // People ask by annotations, also when nothing else goes on.
      metadata.annotations,
      metadata.ownerReferences,
    ])
  cache.onChange((change) => {
    if (change.type !== 'updated' || stated(change.previous) !== stated(change.object)) handle(change.object)
  })
}

/** What is stated, and the conditions: the numbers that an autoscaler reports change with each of its looks, and mean nothing to us. */
function onVerdict(cache: Cache<HorizontalPodAutoscaler>, handle: (object: KubeObject) => void): void {
  const said = ({ metadata, spec, status }: HorizontalPodAutoscaler) =>
    JSON.stringify([
      metadata.uid,
      metadata.deletionTimestamp,
      metadata.labels,
      metadata.annotations,
      metadata.ownerReferences,
      spec,
      status?.conditions?.map(({ type, status: is, reason, message }) => [type, is, reason, message]),
    ])
  cache.onChange((change) => {
    if (change.type !== 'updated' || said(change.previous) !== said(change.object)) handle(change.object)
  })
}

function onObject<T extends KubeObject>(cache: Cache<T>, handle: (object: KubeObject) => void): void {
  cache.onChange((change: Change<T>) => handle(change.object))
}
