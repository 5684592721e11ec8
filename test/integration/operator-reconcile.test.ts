/**
 * The operator on a real API server with the real Job, Deployment and garbage-collection controllers. Only the kubelet is played: pods
 * never run, they get the statuses that a test asks for. Namespaces enforce the restricted Pod Security standard.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { LABELS } from '../../operator/builders/metadata.ts'
import { coreEvents, modelVersions, sentimentModels } from '../../operator/controllers/resources.ts'
import type { ModelVersionStatus } from '../../operator/api/v1alpha1/model-version.ts'
import type { SentimentModelStatus } from '../../operator/api/v1alpha1/sentiment-model.ts'
import type { KubeClient } from '../../operator/kube/client.ts'
import type { KubeObject, Live } from '../../operator/kube/object.ts'
import {
  configMaps,
  customResourceDefinitions,
  deployments,
  defineResource,
  jobs,
  namespaces,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  serviceMonitors,
  services,
  type Resource,
} from '../../operator/kube/resource.ts'
import { DIGEST, evaluated, failedWith, TRAINED } from '../../operator/plan/testing/factories.ts'
import { type ApiServer, startApiServer } from './support/api-server.ts'
import { startControllerManager } from './support/controller-manager.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'
import { installCustomResources } from './support/own-resources.ts'
import { type Behaviour, type PodState, TestKubelet } from './support/test-kubelet.ts'
import { startOperator, type TestOperator } from './support/test-operator.ts'

const MODEL = 'reviews'
const limitRanges = defineResource<KubeObject & { spec: object }>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  namespaced: true,
})
/** On a busy machine everything takes its time; the waits end as soon as they can. */
const PATIENCE_MS = 45_000

let server: ApiServer
let controllerManager: ReturnType<typeof startControllerManager>
let access: TestClient
let client: KubeClient
let kubelet: TestKubelet
let operator: TestOperator

/** Where the one operator of the scenarios below is at work. */
const watched = [
  'lifecycle',
  'verdicts',
  'retries',
  'refusals',
  'invalid',
  'names',
  'drift',
  'deletion',
  'claim',
  'stuck-claim',
  'undisturbed',
].map((name) => `op-${name}`)

beforeAll(async () => {
  server = await startApiServer()
  access = testClient(server.kubeconfigPath)
  client = access.client
  await installCustomResources(client)
  for (const name of [...watched, 'op-crash']) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await client.create(namespaces, { metadata: { name, labels } })
  }
  controllerManager = startControllerManager(server.kubeconfigPath)
  kubelet = new TestKubelet(client)
  operator = startOperator(server.kubeconfigPath, watched, { leaseName: 'scenarios' })
})
afterAll(async () => {
  const result = await operator.stop()
  await kubelet.stop()
  await controllerManager.stop()
  await access.connection.close()
  await server.stop()
  expect(result).toEqual({ exitCode: 0 })
})

function eventually<T>(check: () => Promise<T>, timeout = PATIENCE_MS): Promise<T> {
  return vi.waitFor(check, { timeout, interval: 200 })
}

function remove<T extends KubeObject>(resource: Resource<T>, { metadata }: Live<T>) {
  return client.delete(resource, metadata.namespace, metadata.name, { preconditions: { uid: metadata.uid } })
}

/** A trainer and an evaluator that succeed, and servers that get ready. */
const WORKING: Behaviour = ({ component }): PodState => {
  if (component === 'server') return { kind: 'ready' }
  return { kind: 'ended', exitCode: 0, message: component === 'trainer' ? TRAINED : evaluated() }
}

const train = { baseModel: { uri: 'hf://owner/base' }, dataset: { uri: 'pvc://data/reviews' } }
const epochs = (n: number) => ({ source: { train: { ...train, hyperparameters: { epochs: n } } } })

/** One model in a namespace of its own. */
class Scenario {
  readonly namespace: string
  constructor(name: string, behaviour: Behaviour = WORKING) {
    this.namespace = `op-${name}`
    this.behave(behaviour)
  }

  behave(behaviour: Behaviour) {
    kubelet.behave(this.namespace, behaviour)
  }

  /** As `kubectl apply --server-side` of the whole manifest. */
  apply(spec: object = {}) {
    const metadata = { namespace: this.namespace, name: MODEL }
    const manifest = { metadata, spec: { labels: ['negative', 'positive'], source: { train }, ...spec } }
    return client.apply(sentimentModels, manifest as never, { fieldManager: 'user', force: true })
  }

  async model() {
    const model = await client.get(sentimentModels, this.namespace, MODEL)
    if (!model) throw new Error('the model is gone')
    return model
  }

  async status(): Promise<SentimentModelStatus> {
    return (await this.model()).status ?? {}
  }

  async version(name: string): Promise<ModelVersionStatus> {
    return (await client.get(modelVersions, this.namespace, name))?.status ?? {}
  }

  async names(resource: Resource): Promise<string[]> {
    const { items } = await client.list(resource, { namespace: this.namespace })
    return items.map((item) => item.metadata.name).sort()
  }

  async versions() {
    return this.names(modelVersions)
  }

  /** The version that the front Service selects. */
  async answering(): Promise<string | undefined> {
    return (await client.get(services, this.namespace, MODEL))?.spec?.selector?.[LABELS.version]
  }

  /** The name of the version that the current spec asks for, when it is stable. */
  settled(): Promise<string> {
    return eventually(async () => {
      const { metadata, status } = await this.model()
      expect(status).toMatchObject({ phase: 'Ready', observedGeneration: metadata.generation })
      expect(status?.candidate).toBeUndefined()
      return status?.stable?.version ?? ''
    })
  }

  async events(): Promise<string[]> {
    const { items } = await client.list(coreEvents, { namespace: this.namespace })
    return items
      .filter(
        ({ involvedObject }) => involvedObject.kind === 'SentimentModel' || involvedObject.kind === 'ModelVersion',
      )
      .map(({ reason = '' }) => reason)
  }
}

const conditionsOf = (status: SentimentModelStatus) =>
  Object.fromEntries((status.conditions ?? []).map((condition) => [condition.type, condition.status]))

/** All that the operator and its Jobs and Deployments leave in a namespace. */
const KINDS: readonly Resource[] = [
  sentimentModels,
  modelVersions,
  jobs,
  pods,
  deployments,
  services,
  configMaps,
  persistentVolumeClaims,
  podDisruptionBudgets,
] as never

describe.concurrent('a model', () => {
  test('goes from the manifest to an answer, moves to a new version, back by a pin, and forward again', async () => {
    const scenario = new Scenario('lifecycle', () => undefined)
    await scenario.apply()

    // Trained: one Job, whose pod the restricted namespace admits.
    const [first = ''] = await eventually(async () => {
      const names = await scenario.versions()
      expect(names).toEqual([expect.stringMatching(/^reviews-[0-9a-f]{10}$/)])
      expect(await scenario.names(jobs)).toEqual([`${names[0] ?? ''}-train-1`])
      expect(await scenario.names(pods)).toHaveLength(1)
      return names
    })
    expect(await scenario.names(persistentVolumeClaims)).toEqual(['reviews-artifacts'])
    scenario.behave(({ component }) => (component === 'trainer' ? { kind: 'running' } : undefined))
    await eventually(async () => {
      expect(await scenario.status()).toMatchObject({
        phase: 'Training',
        candidate: { version: first, phase: 'Training' },
        training: { version: first, attempt: 1 },
      })
    })

    // Evaluated and accepted; nothing answers before its pods are ready.
    scenario.behave((pod) => (pod.component === 'server' ? undefined : WORKING(pod)))
    await eventually(async () => {
      expect(await scenario.version(first)).toMatchObject({ phase: 'Accepted', precision: 'int8', accuracy: 0.888 })
      expect(await scenario.names(deployments)).toEqual([first])
    })
    expect(await scenario.answering()).toBeUndefined()
    const evaluation = await client.get(jobs, scenario.namespace, `${first}-evaluate-1`)
    expect(evaluation?.spec?.template.spec?.containers[0]?.args?.at(-1)).toContain(DIGEST)
    const version = await scenario.version(first)
    expect(version.attempts?.map(({ kind, number, result }) => [kind, number, result])).toEqual([
      ['train', 1, 'Succeeded'],
      ['evaluate', 1, 'Succeeded'],
    ])

    scenario.behave(WORKING)
    expect(await scenario.settled()).toBe(first)
    expect(await scenario.answering()).toBe(first)
    const status = await scenario.status()
    expect(status).toMatchObject({
      stable: { version: first, digest: DIGEST, precision: 'int8', accuracy: 0.888, replicas: 1, readyReplicas: 1 },
      promotions: [{ version: first, digest: DIGEST, reason: 'FirstVersion' }],
    })
    expect(conditionsOf(status)).toEqual({
      Ready: 'True',
      Trained: 'True',
      Gated: 'True',
      Progressing: 'False',
      Promoted: 'True',
      Blocked: 'False',
    })
    expect(await scenario.names(services)).toEqual([MODEL, first])
    await eventually(async () => {
      expect(new Set(await scenario.events())).toEqual(
        new Set(['AttemptStarted', 'AttemptSucceeded', 'Accepted', 'Promoted']),
      )
    })

    // The same manifest again asks for nothing new; a change of how it runs does not train either.
    await scenario.apply()
    await scenario.apply({ job: { retries: 1 } })
    expect(await scenario.settled()).toBe(first)
    expect(await scenario.names(jobs)).toEqual([`${first}-evaluate-1`, `${first}-train-1`])

    // A second version, whose pods do not get ready: stable answers on.
    scenario.behave((pod) => (pod.component === 'server' && pod.version !== first ? { kind: 'running' } : WORKING(pod)))
    await scenario.apply(epochs(4))
    const second = await eventually(async () => {
      const status = await scenario.status()
      expect(status).toMatchObject({ phase: 'Progressing', candidate: { phase: 'Starting', readyReplicas: 0 } })
      return status.candidate?.version ?? ''
    })
    await eventually(async () => expect(await scenario.names(deployments)).toEqual([first, second].sort()))
    expect(await scenario.answering()).toBe(first)
    expect(conditionsOf(await scenario.status())).toMatchObject({ Ready: 'True', Promoted: 'False' })

    // Ready: one switch; the old pods go after their grace.
    scenario.behave(WORKING)
    expect(await scenario.settled()).toBe(second)
    expect(await scenario.answering()).toBe(second)
    expect(await scenario.names(deployments)).toEqual([first, second].sort())
    expect((await scenario.status()).promotions).toMatchObject([
      { version: first },
      { version: second, from: first, reason: 'NewVersion' },
    ])
    await eventually(async () => {
      expect(await scenario.names(deployments)).toEqual([second])
      expect(await scenario.names(services)).toEqual([MODEL, second])
      expect(await scenario.names(podDisruptionBudgets)).toEqual([second])
    })
    expect(await scenario.versions()).toEqual([first, second].sort())

    // A pin to the kept version trains nothing, and brings it back.
    await scenario.apply({ ...epochs(4), serving: { version: first } })
    expect(await eventually(async () => scenario.settled())).toBe(first)
    expect(await scenario.answering()).toBe(first)
    expect((await scenario.status()).promotions?.at(-1)).toMatchObject({ from: second, reason: 'Pinned' })

    // A pin to nothing blocks, and takes nothing away.
    await scenario.apply({ ...epochs(4), serving: { version: `${MODEL}-0000000000` } })
    await eventually(async () => {
      expect((await scenario.status()).blocked).toMatchObject({
        reason: 'PinnedVersionUnusable',
        object: `ModelVersion/${MODEL}-0000000000`,
      })
    })
    expect(await scenario.answering()).toBe(first)

    await scenario.apply(epochs(4))
    expect(await scenario.settled()).toBe(second)
    expect(await scenario.answering()).toBe(second)
    expect(await scenario.names(jobs)).toHaveLength(4)
  }, 180_000)

  test('that is under its floor or has bad data never serves, and stable serves on', async () => {
    const scenario = new Scenario('verdicts')
    await scenario.apply()
    const stable = await scenario.settled()

    await scenario.apply({ ...epochs(4), gates: { minAccuracy: 0.95 } })
    const rejected = await eventually(async () => {
      const status = await scenario.status()
      expect(status.candidate).toMatchObject({ phase: 'Rejected' })
      expect(status.blocked).toMatchObject({
        reason: 'GateFailed',
        message: 'minAccuracy: wanted >= 0.95, measured 0.888',
      })
      return status.candidate?.version ?? ''
    })
    expect(conditionsOf(await scenario.status())).toMatchObject({ Ready: 'True', Gated: 'False', Promoted: 'False' })

    scenario.behave((pod) => {
      if (pod.component !== 'trainer') return WORKING(pod)
      return { kind: 'ended', exitCode: 3, message: failedWith('DataInvalid', 'reviews.csv, row 7: empty text') }
    })
    await scenario.apply(epochs(5))
    const failed = await eventually(async () => {
      const status = await scenario.status()
      expect(status.candidate).toMatchObject({ phase: 'Failed' })
      expect(status.blocked).toMatchObject({
        reason: 'DataInvalid',
        message: 'DataInvalid: reviews.csv, row 7: empty text',
      })
      return status.candidate?.version ?? ''
    })
    expect((await scenario.version(failed)).attempts).toMatchObject([{ result: 'Failed', permanent: true }])
    expect(await scenario.names(jobs)).toHaveLength(5)
    expect(await scenario.answering()).toBe(stable)
    expect(await scenario.names(deployments)).toEqual([stable])
    expect(await scenario.versions()).toEqual([stable, rejected, failed].sort())
    await eventually(async () => {
      expect(await scenario.events()).toEqual(
        expect.arrayContaining(['Rejected', 'Failed', 'GateFailed', 'DataInvalid']),
      )
    })
  }, 120_000)

  test('whose trainer is killed for memory is tried again, and whose pod waits says why', async () => {
    const scenario = new Scenario('retries', ({ component, attempt }) => {
      if (component !== 'trainer') return undefined
      if (attempt === 1) return { kind: 'ended', exitCode: 137, reason: 'OOMKilled' }
      return { kind: 'waiting', reason: 'ImagePullBackOff', message: 'no such image' }
    })
    await scenario.apply()
    await eventually(async () => {
      expect((await scenario.status()).blocked?.message).toMatch(
        /^OutOfMemory: .*raise spec.job.resources.limits.memory/,
      )
    })
    await eventually(async () => {
      expect((await scenario.status()).blocked).toMatchObject({
        reason: 'ImagePullFailed',
        object: expect.stringMatching(/^Pod\/reviews-/) as string,
        message: 'image trainer:1: ImagePullBackOff: no such image',
      })
    })

    // The image is corrected: the waiting Job is replaced, and that is no failure.
    scenario.behave(WORKING)
    await scenario.apply({ job: { image: 'trainer:2' } })
    const name = await scenario.settled()
    expect((await scenario.version(name)).attempts).toMatchObject([
      { kind: 'train', number: 1, result: 'Failed', reason: 'OutOfMemory' },
      { kind: 'train', number: 2, result: 'Superseded' },
      { kind: 'train', number: 3, result: 'Succeeded' },
      { kind: 'evaluate', number: 1, result: 'Succeeded' },
    ])
  }, 120_000)

  test('whose pods are refused, or whose Job has its name taken, says by whom and goes on when that has gone', async () => {
    const scenario = new Scenario('refusals')
    const { namespace } = scenario
    const tiny = { limits: [{ type: 'Container', max: { memory: '64Mi' } }] }
    const range = await client.create(limitRanges, { metadata: { namespace, name: 'tiny' }, spec: tiny })
    await scenario.apply()
    const train = await eventually(async () => {
      const { blocked } = await scenario.status()
      expect(blocked).toMatchObject({ reason: 'AdmissionRefused', object: expect.stringMatching(/^Job\/.*-train-1$/) })
      expect(blocked?.message).toContain('must be less than or equal to memory limit of 64Mi')
      return blocked?.object.slice('Job/'.length) ?? ''
    })

    // The evaluation's name, before its time has come.
    const evaluate = train.replace('train', 'evaluate')
    const container = { name: 'x', image: 'x', resources: {} }
    const template = { spec: { restartPolicy: 'Never', containers: [container] } }
    const spec = { suspend: true, template } as never
    const foreign = await client.create(jobs, { metadata: { namespace, name: evaluate }, spec })
    await remove(limitRanges, range)
    await eventually(async () => {
      expect((await scenario.status()).blocked).toMatchObject({ reason: 'NameTaken', object: `Job/${evaluate}` })
    })
    expect((await client.get(jobs, namespace, evaluate))?.metadata.uid).toBe(foreign.metadata.uid)
    await remove(jobs, foreign)
    await scenario.settled()
  }, 120_000)

  test('whose Job the API server refuses says which, and goes on when the spec is mended', async () => {
    const scenario = new Scenario('invalid')
    await scenario.apply({ job: { resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } } })
    await eventually(async () => {
      const { phase, blocked } = await scenario.status()
      expect(phase).toBe('Blocked')
      expect(blocked).toMatchObject({ reason: 'AdmissionRefused', object: expect.stringMatching(/^Job\/.*-train-1$/) })
      expect(blocked?.message).toMatch(/must be less than or equal to memory limit/)
    })
    await scenario.apply()
    await scenario.settled()
  }, 120_000)

  test('whose name is taken by a Service of someone else leaves that alone and says so', async () => {
    const scenario = new Scenario('names')
    const spec = { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80 }] }
    const metadata = { namespace: scenario.namespace, name: MODEL }
    const foreign = await client.create(services, { metadata, spec: spec })
    await scenario.apply()
    await eventually(async () => {
      const { phase, blocked } = await scenario.status()
      expect(phase).toBe('Blocked')
      expect(blocked).toMatchObject({ reason: 'NameTaken', object: `Service/${MODEL}` })
    })
    expect(await client.get(services, scenario.namespace, MODEL)).toEqual(foreign)

    await remove(services, foreign)
    expect(await scenario.answering()).toBeUndefined()
    expect(await scenario.settled()).toBe(await scenario.answering())
  }, 120_000)

  test('whose children are edited or deleted by hand has them put right, and its pods stay', async () => {
    const scenario = new Scenario('drift')
    const { namespace } = scenario
    await scenario.apply({ serving: { nodeSelector: { disk: 'fast' } } })
    const stable = await scenario.settled()
    const deployment = async () => {
      const found = await client.get(deployments, namespace, stable)
      if (!found) throw new Error('the Deployment is gone')
      return found
    }
    const { uid } = (await deployment()).metadata

    await client.mergePatch(deployments, namespace, stable, { spec: { replicas: 3 } })
    await eventually(async () => expect((await deployment()).spec?.replicas).toBe(1))

    await client.mergePatch(configMaps, namespace, 'reviews-routing', { data: { 'routing.json': 'broken' } })
    await eventually(async () => {
      const map = await client.get(configMaps, namespace, 'reviews-routing')
      expect(JSON.parse(map?.data?.['routing.json'] ?? '')).toMatchObject({ stable })
    })

    // The way in is broken while another version is in training: the record says what is to answer.
    scenario.behave((pod) => (pod.component === 'trainer' ? { kind: 'running' } : WORKING(pod)))
    await scenario.apply({ ...epochs(4), serving: { nodeSelector: { disk: 'fast' } } })
    await eventually(async () => expect(await scenario.names(jobs)).toHaveLength(3))
    await client.mergePatch(services, namespace, MODEL, { spec: { selector: { [LABELS.version]: 'nonsense' } } })
    await eventually(async () => expect(await scenario.answering()).toBe(stable))
    const front = await client.get(services, namespace, MODEL)
    if (front) await remove(services, front)
    await eventually(async () => expect(await scenario.answering()).toBe(stable))
    expect((await deployment()).metadata.uid).toBe(uid)

    // Nor does the loss of its record take the pods that answer: the version is made anew beside them.
    const version = await client.get(modelVersions, namespace, stable)
    if (version) await remove(modelVersions, version)
    await scenario.apply({ serving: { nodeSelector: { disk: 'fast' } } })
    await eventually(async () => {
      const again = await client.get(modelVersions, namespace, stable)
      expect(again?.metadata.uid).not.toBe(version?.metadata.uid)
      expect(again?.status).toMatchObject({ phase: 'Training' })
    })
    expect(await scenario.answering()).toBe(stable)
    scenario.behave(WORKING)
    expect(await scenario.settled()).toBe(stable)
    expect((await deployment()).metadata.uid).toBe(uid)

    // A field that is taken out of the manifest is taken out of the child.
    expect((await deployment()).spec?.template.spec?.nodeSelector).toEqual({ disk: 'fast' })
    await scenario.apply()
    await eventually(async () => expect((await deployment()).spec?.template.spec?.nodeSelector).toBeUndefined())
    expect((await deployment()).metadata.uid).toBe(uid)
    await eventually(async () => expect(await scenario.names(jobs)).toHaveLength(2))
  }, 120_000)

  test('that is deleted takes everything with it that it made, and nothing else', async () => {
    const scenario = new Scenario('deletion')
    const { namespace } = scenario
    // Looks like a child in every way, but has another owner.
    const labels = { [LABELS.managedBy]: 'valence', [LABELS.model]: MODEL }
    await client.create(configMaps, { metadata: { namespace, name: 'bystander', labels } })
    await scenario.apply({ baseline: { uri: 'hf://naive/model' } })
    await scenario.settled()
    await eventually(async () => expect(await scenario.names(deployments)).toHaveLength(2))
    await remove(sentimentModels, await scenario.model())
    await eventually(async () => {
      const left = await Promise.all(KINDS.map((kind) => scenario.names(kind)))
      expect(left.flat()).toEqual(['bystander'])
    })
  }, 120_000)
})

describe.concurrent('a claim of the user', () => {
  test('loses what a version wrote to it when the version goes, and keeps all else', async () => {
    const scenario = new Scenario('claim', (pod) => (pod.component === 'remover' ? undefined : WORKING(pod)))
    const { namespace } = scenario
    const spec = { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } }
    await client.create(persistentVolumeClaims, { metadata: { namespace, name: 'shared' }, spec })
    const onClaim = { storage: { claimName: 'shared' }, history: { keepVersions: 1 } }
    const versions: string[] = []
    for (const count of [1, 2, 3, 4]) {
      await scenario.apply({ ...epochs(count), ...onClaim })
      versions.push(await scenario.settled())
    }

    // The oldest is beyond the history: it stays until a Job has removed its directory, and no other.
    const oldest = versions[0] ?? ''
    const removal = await eventually(async () => {
      const found = (await client.list(jobs, { namespace })).items.find(({ metadata }) =>
        metadata.name.startsWith(`${oldest}-remove-`),
      )
      if (!found) throw new Error('no Job removes the artifact')
      return found
    })
    const [container] = removal.spec?.template.spec?.containers ?? []
    const root = '/var/lib/valence/artifacts'
    const paths = [`${root}/${oldest}`, `${root}/.${oldest}.partial`, `${root}/.${oldest}.checkpoint`]
    expect(container?.command).toEqual(['rm', '-rf', '--', ...paths])
    expect(removal.spec?.template.spec?.volumes).toContainEqual({
      name: 'artifacts',
      persistentVolumeClaim: { claimName: 'shared' },
    })
    expect(await scenario.versions()).toEqual([...versions].sort())
    scenario.behave(WORKING)
    await eventually(async () => expect(await scenario.versions()).toEqual(versions.slice(1).sort()))
    await eventually(async () => expect(await scenario.names(jobs)).not.toContain(removal.metadata.name))

    // The model goes: so do its versions, each by a Job, while the pods that read them end first.
    await remove(sentimentModels, await scenario.model())
    await eventually(async () => {
      const left = await Promise.all(KINDS.map((kind) => scenario.names(kind)))
      expect(left.flat()).toEqual(['shared'])
    })
  }, 180_000)

  test('keeps what could not be removed, and an event says so', async () => {
    const scenario = new Scenario('stuck-claim', (pod) =>
      pod.component === 'remover' ? { kind: 'ended', exitCode: 1, message: 'read-only' } : WORKING(pod),
    )
    const { namespace } = scenario
    const spec = { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } }
    await client.create(persistentVolumeClaims, { metadata: { namespace, name: 'shared' }, spec })
    await scenario.apply({ storage: { claimName: 'shared' } })
    const version = await scenario.settled()
    await remove(sentimentModels, await scenario.model())
    await eventually(async () => {
      const { items } = await client.list(coreEvents, { namespace })
      const said = items.find(({ reason }) => reason === 'ArtifactLeft')
      expect(said?.message).toContain(`the artifact ${version} stays on PersistentVolumeClaim/shared`)
      const left = await Promise.all(KINDS.map((kind) => scenario.names(kind)))
      expect(left.flat()).toEqual(['shared'])
    }, 90_000)
  }, 150_000)
})

describe('an operator that is killed', () => {
  /** What must be the same after every history: all but times. */
  const essence = (status: object) =>
    JSON.parse(
      JSON.stringify(status, (key, value: unknown) =>
        /^(time|lastTransitionTime|startedAt|finishedAt)$/.test(key) ? undefined : value,
      ),
    ) as unknown

  const writes: string[] = []
  const dead: TestOperator[] = []

  /** One operator after the other, each of which dies with its first write, until one finds nothing left to write. */
  async function liveUntil(scenario: Scenario, isDone: () => Promise<boolean>): Promise<void> {
    for (let life = 1; life <= 40; life++) {
      const leaseName = `life-${writes.length + 1}`
      const operator = startOperator(server.kubeconfigPath, [scenario.namespace], { leaseName, diesAtWrite: 1 })
      const isOver = async () => operator.writes.length > 0 || ((await isDone()) && (await hasReconciled(operator)))
      await eventually(async () => expect(await isOver()).toBe(true))
      if (operator.writes.length === 0) {
        await operator.stop()
        expect(operator.writes).toEqual([])
        return
      }
      dead.push(operator)
      writes.push(...operator.writes.map(({ method, path }) => `${method} ${path.split('/namespaces/')[1] ?? path}`))
    }
    throw new Error(`not done after ${writes.join(', ')}`)
  }

  test('at each of its writes ends where one ends that lives, with one Job per attempt', async () => {
    const scenario = new Scenario('crash')
    const twin = new Scenario('undisturbed')
    await Promise.all([scenario.apply(), twin.apply()])
    await liveUntil(scenario, async () => (await scenario.status()).phase === 'Ready')
    const first = await twin.settled()
    expect(await scenario.status()).toMatchObject({ stable: { version: first } })

    await Promise.all([scenario.apply(epochs(4)), twin.apply(epochs(4))])
    const second = await twin.settled()
    await liveUntil(scenario, async () => {
      const [status, names] = [await scenario.status(), await scenario.names(deployments)]
      return status.phase === 'Ready' && status.stable?.version === second && names.join() === second
    })

    expect(await scenario.names(jobs)).toEqual(
      [first, second].flatMap((name) => [`${name}-evaluate-1`, `${name}-train-1`]).sort(),
    )
    for (const name of [first, second])
      expect(essence(await scenario.version(name))).toEqual(essence(await twin.version(name)))
    expect(essence(await scenario.status())).toEqual(essence(await twin.status()))
    // It died where it hurts: with a Job just made, and with the traffic just moved.
    expect(writes.filter((write) => write === 'POST op-crash/jobs')).toHaveLength(4)
    expect(writes.filter((write) => write === `PATCH op-crash/services/${MODEL}`)).toHaveLength(2)
    await Promise.all(dead.map((operator) => operator.stop().catch(() => undefined)))
  }, 240_000)
})

async function hasReconciled({ registry }: TestOperator): Promise<boolean> {
  const metric = await registry.getSingleMetric('controller_runtime_reconcile_total')?.get()
  const controllers = new Set(metric?.values.filter(({ value }) => value > 0).map(({ labels }) => labels['controller']))
  return controllers.has('sentimentmodel') && controllers.has('modelversion')
}

test('a ServiceMonitor is made when the cluster learns what that is', async () => {
  const names = { kind: 'ServiceMonitor', plural: 'servicemonitors', singular: 'servicemonitor' }
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const crd = {
    metadata: { name: 'servicemonitors.monitoring.coreos.com' },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { ...names, listKind: 'ServiceMonitorList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  }
  expect(await client.hasResource(serviceMonitors)).toBe(false)
  await client.create(customResourceDefinitions, crd)
  await eventually(async () => {
    const monitor = await client.get(serviceMonitors, 'op-undisturbed', MODEL)
    expect(monitor?.spec.endpoints).toEqual([{ port: 'metrics', path: '/metrics' }])
  })
  await new Scenario('undisturbed').apply({ ...epochs(4), monitoring: { serviceMonitor: 'Disabled' } })
  await eventually(async () => {
    expect(await client.get(serviceMonitors, 'op-undisturbed', MODEL)).toBeUndefined()
  })
})
