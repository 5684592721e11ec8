import { expect, test } from 'vitest'
import { ObjectStore } from '../kube/cache.ts'
import type { KubeObject, Live } from '../kube/object.ts'
import { modelOf } from '../plan/testing/factories.ts'
import type { WorkQueue } from '../runtime/workqueue.ts'
import { BY_MODEL, type Caches } from './caches.ts'
import { connectWatches } from './watches.ts'

function live(resourceVersion: string, { annotations = {}, status = {} } = {}): Live<KubeObject> {
  const model = modelOf()
  const metadata = { ...model.metadata, resourceVersion, annotations, creationTimestamp: '2030-01-01T00:00:00Z' }
  return { ...model, metadata, status } as unknown as Live<KubeObject>
}

/** The keys that the models' queue was given, and the store that the watch of the models feeds. */
function connected() {
  const store = () => new ObjectStore<KubeObject>({ [BY_MODEL]: () => [] })
  const names = ['versions', 'jobs', 'pods', 'deployments', 'services', 'configMaps', 'claims', 'disruptionBudgets']
  const models = store()
  const woken: string[] = []
  const queue = { add: (key: string) => void woken.push(key) } as unknown as WorkQueue
  const caches = { models, ...Object.fromEntries(names.map((name) => [name, store()])) } as unknown as Caches
  connectWatches(caches, { models: queue, versions: queue })
  models.listed([live('1')], '1')
  woken.length = 0
  return { models, woken }
}

test('an annotation wakes the model: people ask by it, also when nothing else goes on', () => {
  const { models, woken } = connected()
  models.observeWrite(live('2', { annotations: { 'valence.dev/retry': 'reviews-0123456789' } }))
  expect(woken).toEqual(['shop/reviews'])
})

test('a status does not: our own writes of it would be a loop', () => {
  const { models, woken } = connected()
  models.observeWrite(live('2', { status: { phase: 'Ready' } }))
  expect(woken).toEqual([])
})
