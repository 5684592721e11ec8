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
  const autoscalers = store()
  const models = store()
  const woken: string[] = []
  const queue = { add: (key: string) => void woken.push(key) } as unknown as WorkQueue
  const others = Object.fromEntries(names.map((name) => [name, store()]))
  const caches = { models, autoscalers, ...others } as unknown as Caches
  connectWatches(caches, { models: queue, versions: queue })
  models.listed([live('1')], '1')
  woken.length = 0
  return { models, autoscalers, woken }
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

test('an autoscaler wakes the model when its verdict changes, not with the numbers of each of its looks', () => {
  const { autoscalers, woken } = connected()
  const autoscaler = (resourceVersion: string, status: object) => {
    const labels = { 'valence.dev/model': 'reviews' }
    const metadata = { name: 'reviews', namespace: 'shop', uid: 'u', resourceVersion, creationTimestamp: '', labels }
    return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata, status } as Live<KubeObject>
  }
  const active = { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message: '' }
  autoscalers.observeWrite(autoscaler('1', { conditions: [active], currentReplicas: 1 }))
  woken.length = 0
  autoscalers.observeWrite(
    autoscaler('2', { conditions: [{ ...active, lastTransitionTime: 'x' }], currentReplicas: 2 }),
  )
  expect(woken).toEqual([])
  autoscalers.observeWrite(autoscaler('3', { conditions: [{ ...active, status: 'False' }] }))
  expect(woken).toEqual(['shop/reviews'])
})
