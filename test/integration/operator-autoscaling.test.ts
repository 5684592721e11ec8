/**
 * Autoscaling on a real API server with the real HorizontalPodAutoscaler controller. The kubelet, the serving pods' split and the
 * metrics are played.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { LABELS } from '../../operator/builders/metadata.ts'
import { coreEvents, sentimentModels } from '../../operator/controllers/resources.ts'
import type { KubeClient } from '../../operator/kube/client.ts'
import {
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  namespaces,
  services,
} from '../../operator/kube/resource.ts'
import { evaluated, TRAINED } from '../../operator/plan/testing/factories.ts'
import { type ApiServer, clusterBin, startApiServer } from './support/api-server.ts'
import { startControllerManager } from './support/controller-manager.ts'
import { serveCustomMetrics } from './support/custom-metrics.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'
import { installCustomResources } from './support/own-resources.ts'
import { TestKubelet } from './support/test-kubelet.ts'
import { startOperator, type TestOperator } from './support/test-operator.ts'
import { TestSplit } from './support/test-split.ts'

const MODEL = 'reviews'
const METRIC = 'inference_tokens_in_flight'
const TARGET = 1000
const SCALED = 'op-scaled'
const HANDED_OVER = 'op-handed-over'
const TAKEN = 'op-taken'

let server: ApiServer
let controllerManager: ReturnType<typeof startControllerManager>
let metrics: Awaited<ReturnType<typeof serveCustomMetrics>>
let access: TestClient
let client: KubeClient
let kubelet: TestKubelet
let operator: TestOperator
let split: TestSplit

/** Tokens in flight of the whole model; undefined: the metrics are broken. */
let work: number | undefined = 2 * TARGET
/** The version that the autoscaler has asked about last. */
let measured: string | undefined

beforeAll(async () => {
  server = await startApiServer()
  access = testClient(server.kubeconfigPath)
  client = access.client
  await installCustomResources(client)
  for (const name of [SCALED, HANDED_OVER, TAKEN]) await client.create(namespaces, { metadata: { name } })
  metrics = await serveCustomMetrics(server, client, METRIC, ({ namespace, labelSelector, pods }) => {
    if (namespace !== SCALED) return TARGET
    measured = /valence\.dev\/version=([^,]+)/.exec(labelSelector)?.[1]
    return work === undefined ? undefined : (work * (1 - weight)) / Math.max(1, pods)
  })
  controllerManager = startControllerManager(server.kubeconfigPath, { isAutoscaling: true })
  kubelet = new TestKubelet(client)
  for (const name of [SCALED, HANDED_OVER, TAKEN])
    kubelet.behave(name, ({ component }) =>
      component === 'server'
        ? { kind: 'ready' }
        : { kind: 'ended', exitCode: 0, message: component === 'trainer' ? TRAINED : evaluated() },
    )
  split = new TestSplit(client, SCALED, MODEL)
  operator = startOperator(server.kubeconfigPath, [SCALED, HANDED_OVER, TAKEN], {
    leaseName: 'autoscaling',
    readEvidence: split.readEvidence,
    askService: split.askService,
  })
})
afterAll(async () => {
  await operator.stop()
  await kubelet.stop()
  await controllerManager.stop()
  await metrics.stop()
  await access.connection.close()
  await server.stop()
})

const eventually = <T>(check: () => Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 60_000, interval: 200 })
const kubectl = async (...args: string[]) =>
  (await promisify(execFile)(join(clusterBin(), 'kubectl'), ['--kubeconfig', server.kubeconfigPath, ...args])).stdout

const AUTOSCALING = {
  minReplicas: 2,
  maxReplicas: 20,
  metrics: [
    {
      type: 'Pods',
      pods: { metric: { name: METRIC }, target: { type: 'AverageValue', averageValue: String(TARGET) } },
    },
  ],
}

/** As `kubectl apply --server-side` of the whole manifest. */
function apply(namespace: string, { epochs = 3, serving = {} as object }) {
  const train = {
    baseModel: { uri: 'hf://owner/base' },
    dataset: { uri: 'pvc://data/reviews' },
    hyperparameters: { epochs },
  }
  const rollout = { steps: [{ weight: 5 }, { weight: 50, hold: '1h' }] }
  const spec = { labels: ['negative', 'positive'], source: { train }, serving, rollout }
  const object = { metadata: { namespace, name: MODEL }, spec }
  return client.apply(sentimentModels, object as never, { fieldManager: 'user', force: false })
}

async function model(namespace: string) {
  const found = await client.get(sentimentModels, namespace, MODEL)
  if (!found) throw new Error('the model is gone')
  return found
}
const status = async (namespace: string) => (await model(namespace)).status ?? {}
const condition = async (namespace: string, type: string) => {
  const found = (await status(namespace)).conditions?.find((one) => one.type === type)
  return found && `${found.status} ${found.reason}`
}
const autoscaler = (namespace: string) => client.get(horizontalPodAutoscalers, namespace, MODEL)
const podsOf = async (namespace: string, version: string) =>
  (await client.get(deployments, namespace, version))?.status?.readyReplicas ?? 0
const stable = (namespace: string) =>
  eventually(async () => {
    const { stable: found, phase } = await status(namespace)
    expect(phase).toBe('Ready')
    return found?.version ?? ''
  })
const scaledTo = (namespace: string, version: string, count: number) =>
  eventually(async () => {
    expect((await model(namespace)).spec.serving.replicas).toBe(count)
    expect(await podsOf(namespace, version)).toBe(count)
  })

/** Share of the requests that the candidate gets now. */
let weight = 0
async function readWeight() {
  const map = await client.get(configMaps, SCALED, `${MODEL}-routing`)
  weight = ((JSON.parse(map?.data?.['routing.json'] ?? '{}') as { perMille?: number }).perMille ?? 0) / 1000
}

/** The fewest pods, wanted and ready, of the version that answers, from now until it is stopped. */
function watchStable(namespace: string) {
  const over = new AbortController()
  let fewest = Infinity
  const running = (async () => {
    while (!over.signal.aborted) {
      const front = await client.get(services, namespace, MODEL)
      const version = front?.spec?.selector?.[LABELS.version] ?? ''
      const found = await client.get(deployments, namespace, version)
      fewest = Math.min(fewest, found?.spec?.replicas ?? 0, found?.status?.readyReplicas ?? 0)
      await readWeight()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  running.catch(() => undefined) // told to whoever stops it
  return async () => {
    over.abort()
    await running
    return fewest
  }
}

test('a model follows its work, in a canary too, and never takes from the version that answers', async () => {
  await apply(SCALED, { serving: { autoscaling: AUTOSCALING } })
  const first = await stable(SCALED)
  await scaledTo(SCALED, first, 2)
  await vi.waitUntil(() => measured === first, 60_000)
  await eventually(async () => expect(await condition(SCALED, 'Autoscaled')).toBe('True ScalingActive'))

  work = 8 * TARGET
  await scaledTo(SCALED, first, 8)

  // What the autoscaler has set is its own: the manifest, which does not state it, changes nothing.
  await apply(SCALED, { serving: { autoscaling: AUTOSCALING } })
  expect((await model(SCALED)).spec.serving.replicas).toBe(8)
  const written = operator.writes.length
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(operator.writes.slice(written), 'nothing to write while nothing changes').toEqual([])

  // Half of the traffic goes elsewhere, and stable keeps its pods.
  const stop = watchStable(SCALED)
  await apply(SCALED, { epochs: 4, serving: { autoscaling: AUTOSCALING } })
  await eventually(async () => expect((await status(SCALED)).rollout).toMatchObject({ phase: 'Stepping', weight: 50 }))
  const candidate = (await status(SCALED)).rollout?.version ?? ''
  await eventually(async () => {
    const found = await autoscaler(SCALED)
    expect(found?.spec).toMatchObject({ minReplicas: 8, maxReplicas: 20 })
    expect(found?.status?.currentMetrics?.[0]?.pods?.current.averageValue).toBe('500')
  })
  expect((await status(SCALED)).scaling).toEqual({ autoscaler: MODEL, replicas: 8, held: { replicas: 8 } })
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await podsOf(SCALED, first)).toBe(8)
  expect(await podsOf(SCALED, candidate)).toBe(6)
  expect(measured, 'the candidate is not measured').toBe(first)

  // More work: both grow.
  work = 24 * TARGET
  await scaledTo(SCALED, first, 12)
  await eventually(async () => expect(await podsOf(SCALED, candidate)).toBe(9))

  await client.mergePatch(sentimentModels, SCALED, MODEL, {
    metadata: { annotations: { 'valence.dev/promote': candidate } },
  })
  expect(
    await eventually(async () => {
      const version = await stable(SCALED)
      expect(version).toBe(candidate)
      return version
    }),
  ).toBe(candidate)
  expect((await status(SCALED)).scaling?.held).toMatchObject({ until: expect.any(String) as string })
  // All of the work is seen again, by the new version's pods, under the same autoscaler.
  await scaledTo(SCALED, candidate, 20)
  expect(measured).toBe(candidate)
  await eventually(async () => expect(await condition(SCALED, 'Autoscaled')).toBe('True TooManyReplicas'))
  expect(await stop(), 'the fewest pods of the version that answers').toBe(8)

  // Without metrics nothing changes but what is said.
  work = undefined
  await eventually(async () => expect(await condition(SCALED, 'Autoscaled')).toBe('False FailedGetPodsMetric'))
  expect(await status(SCALED)).toMatchObject({ phase: 'Ready', stable: { readyReplicas: 20 } })
  expect((await status(SCALED)).blocked).toBeUndefined()
  const { items } = await client.list(coreEvents, { namespace: SCALED })
  expect(items.map(({ reason }) => reason)).toContain('NotAutoscaled')

  // Without autoscaling it keeps what it has.
  await apply(SCALED, { epochs: 4 })
  await eventually(async () => expect(await autoscaler(SCALED)).toBeUndefined())
  expect((await model(SCALED)).spec.serving.replicas).toBe(20)
  expect(await podsOf(SCALED, candidate)).toBe(20)
  expect((await status(SCALED)).scaling).toBeUndefined()
  expect(await condition(SCALED, 'Autoscaled')).toBeUndefined()
}, 240_000)

test('replicas may leave the manifest in the same write that brings autoscaling: no pod goes', async () => {
  await apply(HANDED_OVER, { serving: { replicas: 4 } })
  const version = await stable(HANDED_OVER)
  await scaledTo(HANDED_OVER, version, 4)
  const fewest = watchStable(HANDED_OVER)
  // The API server takes away what nobody states any more, and puts its default there.
  const { spec } = await apply(HANDED_OVER, { serving: { autoscaling: AUTOSCALING } })
  expect(spec.serving.replicas).toBe(1)
  await scaledTo(HANDED_OVER, version, 4)
  expect((await status(HANDED_OVER)).scaling).toMatchObject({ replicas: 4, held: { replicas: 4 } })
  await apply(HANDED_OVER, { serving: { autoscaling: AUTOSCALING } })
  expect((await model(HANDED_OVER)).spec.serving.replicas).toBe(4)
  expect(await fewest()).toBe(4)
}, 120_000)

test('whatever scales by the scale subresource finds the model, its pods and their number', async () => {
  await apply(TAKEN, { serving: { replicas: 2 } })
  const version = await stable(TAKEN)
  await kubectl('scale', '--namespace', TAKEN, `sm/${MODEL}`, '--replicas=3')
  await scaledTo(TAKEN, version, 3)
  // It is the owner of the number now: a manifest that still states one is told so, and one that does not changes nothing.
  await expect(apply(TAKEN, { serving: { replicas: 2 } })).rejects.toThrow(/conflict.*\.spec\.serving\.replicas/s)
  await apply(TAKEN, {})
  expect((await model(TAKEN)).spec.serving.replicas).toBe(3)
  const path = `/apis/valence.dev/v1alpha1/namespaces/${TAKEN}/sentimentmodels/${MODEL}/scale`
  const scale = async () => JSON.parse(await kubectl('get', '--raw', path)) as object
  await eventually(async () => {
    expect(await scale()).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
      status: {
        replicas: 3,
        selector: `valence.dev/model=${MODEL},valence.dev/version=${version},app.kubernetes.io/component=server`,
      },
    })
  })
}, 120_000)

test('an autoscaler of that name that somebody else has made is left alone, and the model serves', async () => {
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' }, maxReplicas: 3 }
  const foreign = await client.create(horizontalPodAutoscalers, { metadata: { namespace: TAKEN, name: MODEL }, spec })
  await apply(TAKEN, { serving: { autoscaling: AUTOSCALING } })
  await eventually(async () => {
    expect(await condition(TAKEN, 'Autoscaled')).toBe('False NameTaken')
    expect(await status(TAKEN)).toMatchObject({ phase: 'Ready' })
  })
  expect((await autoscaler(TAKEN))?.spec).toEqual(foreign.spec)
  await client.delete(horizontalPodAutoscalers, TAKEN, MODEL, { preconditions: { uid: foreign.metadata.uid } })
  await eventually(async () => {
    expect((await autoscaler(TAKEN))?.spec.scaleTargetRef).toMatchObject({ kind: 'SentimentModel', name: MODEL })
  })
}, 120_000)
