import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { ModelVersion } from '../../api/v1alpha1/model-version.ts'
import type { SentimentModel } from '../../api/v1alpha1/sentiment-model.ts'
import { buildJob } from '../../builders/job.ts'
import { labelsOf } from '../../builders/metadata.ts'
import { buildModelVersion } from '../../builders/model-version.ts'
import { buildFrontService } from '../../builders/service.ts'
import { ObjectStore } from '../../kube/cache.ts'
import type { KubeObject, Live } from '../../kube/object.ts'
import type { Job, Pod, Service } from '../../kube/resource.ts'
import { isoTime } from '../../plan/conditions.ts'
import { desiredVersion } from '../../plan/identity.ts'
import { acceptedStatus, DIGEST, jobOf, modelOf, NOW, TRAINED, trainSource } from '../../plan/testing/factories.ts'
import { planVersion } from '../../plan/version.ts'
import { FakeClock } from '../../runtime/testing/fake-clock.ts'
import { BY_MODEL, BY_VERSION, type Caches } from '../caches.ts'
import type { OperatorContext } from '../context.ts'
import { gather } from './gather.ts'

const live = <T extends KubeObject>(object: T, uid: string) =>
  ({
    ...object,
    metadata: { ...object.metadata, uid, resourceVersion: '1', creationTimestamp: isoTime(NOW) },
  }) as unknown as Live<T>

const model = live(modelOf() as SentimentModel & KubeObject, 'model-uid')
const identity = desiredVersion('reviews', modelOf().spec)
const version = live(buildModelVersion(modelOf(), identity), 'version-uid')
const attempt = jobOf('train', 1)

const finishedJob: Live<Job> = live(
  {
    ...buildJob({
      version,
      spec: modelOf().spec,
      stage: 'train',
      attempt: 1,
      name: attempt.name,
      inputHash: attempt.inputHash,
      image: attempt.image,
      imagePullPolicy: 'Never',
      claimName: 'c',
    }),
    status: { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: isoTime(NOW) }] },
  },
  'job-uid',
)

const controller = { apiVersion: 'batch/v1', kind: 'Job', name: attempt.name, uid: 'job-uid', controller: true }
const podOf = (status: NonNullable<Pod['status']>): Live<Pod> =>
  live(
    {
      metadata: {
        name: 'pod',
        namespace: 'shop',
        labels: labelsOf('reviews', 'trainer', identity.name),
        ownerReferences: [controller],
      },
      spec: { containers: [{ name: 'trainer', image: 'trainer:1' }] },
      status,
    },
    'pod-uid',
  )
const running = podOf({ phase: 'Running' })
const ended = podOf({
  phase: 'Succeeded',
  containerStatuses: [
    {
      name: 'trainer',
      image: 'trainer:1',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode: 0, reason: 'Completed', message: TRAINED } },
    },
  ],
})

function storeOf<T extends KubeObject>(objects: Live<T>[], index = 'none') {
  const label = { [BY_MODEL]: 'valence.dev/model', [BY_VERSION]: 'valence.dev/version' }[index] ?? ''
  const store = new ObjectStore<T>({
    [index]: ({ metadata }: KubeObject) => [`${metadata.namespace ?? ''}/${metadata.labels?.[label] ?? ''}`],
  })
  store.listed(objects, '1')
  return store
}

interface World {
  model?: Live<SentimentModel & KubeObject>
  versions?: Live<ModelVersion>[]
  services?: Live<Service>[]
}

/** The world as the watches have told it, and as the API server has it. */
async function gathered(known: Live<Pod>[], actual: Live<Pod>[], more: World = {}) {
  const asked: unknown[] = []
  const caches = {
    models: storeOf([more.model ?? model]),
    versions: storeOf([version, ...(more.versions ?? [])], BY_MODEL),
    jobs: storeOf([finishedJob]),
    pods: storeOf(known, BY_VERSION),
    services: storeOf(more.services ?? []),
    deployments: storeOf([]),
  } as unknown as Caches
  const context = {
    caches: () => caches,
    client: {
      list: ({ plural }: { plural: string }, options: object) => {
        asked.push([plural, options])
        return Promise.resolve({ items: plural === 'pods' ? actual : [], resourceVersion: '1' })
      },
    },
    images: { trainer: 'trainer:1', server: 'server:1' },
    readProgress: () => Promise.resolve(undefined),
    clock: new FakeClock(NOW),
    log: pino({ level: 'silent' }),
  } as unknown as OperatorContext
  const request = { namespace: 'shop', name: identity.name }
  const result = await gather(context, request, new AbortController().signal)
  if (!result) throw new Error('nothing was gathered')
  return { observed: result.observed, plan: planVersion(result.observed, NOW), asked }
}

test('a Job whose end is known before that of its pod has not lost its result', async () => {
  for (const known of [[running], []]) {
    const { plan, asked } = await gathered(known, [ended])
    expect(asked).toContainEqual([
      'pods',
      { namespace: 'shop', labelSelector: `batch.kubernetes.io/job-name=${attempt.name}` },
    ])
    expect(plan.status.attempts?.[0]).toMatchObject({ result: 'Succeeded' })
    expect(plan.start).toMatchObject({ stage: 'evaluate' })
  }
})

test('a Job whose pod is known to have ended needs no further question', async () => {
  const { plan, asked } = await gathered([ended], [])
  expect(asked).toEqual([])
  expect(plan.start).toMatchObject({ stage: 'evaluate' })
})

test('a Job whose pod is really gone has lost its result', async () => {
  const { plan } = await gathered([], [])
  expect(plan.status.attempts?.[0]).toMatchObject({ result: 'Failed', reason: 'ResultLost' })
})

describe('the stable version', () => {
  const before = (retrainToken: string) => {
    const identity = desiredVersion('reviews', modelOf(trainSource({ retrainToken })).spec)
    const built = buildModelVersion(modelOf(), identity)
    return live({ ...built, status: acceptedStatus() }, `uid-${retrainToken}`)
  }
  const [first, second] = [before('first'), before('second')]
  const front = (selected: Live<ModelVersion>) =>
    live(buildFrontService(modelOf(), selected.metadata.name), 'service-uid')
  const stableIn = async (world: World) => {
    const versions = [first, second]
    const { observed, plan } = await gathered([ended], [], { versions, ...world })
    expect(plan.start?.stage).toBe('evaluate')
    expect(plan.start?.against?.version).toBe(observed.stable?.metadata.name)
    return observed.stable?.metadata.name
  }

  test('is the one that the front Service selects', async () => {
    expect(await stableIn({ services: [front(first)] })).toBe(first.metadata.name)
    expect(await stableIn({ services: [front(second)] })).toBe(second.metadata.name)
  })

  test('is none while there is no Service, or where only another owner has one of that name', async () => {
    expect(await stableIn({})).toBeUndefined()
    const foreign = { ...front(first), metadata: { ...front(first).metadata, ownerReferences: [] } }
    expect(await stableIn({ services: [foreign] })).toBeUndefined()
  })

  test('is the last one on record where the Service is gone', async () => {
    const promotions = [{ version: second.metadata.name, digest: DIGEST, time: isoTime(NOW), reason: 'NewVersion' }]
    const recorded = { ...model, status: { promotions } } as typeof model
    expect(await stableIn({ model: recorded })).toBe(second.metadata.name)
  })
})
