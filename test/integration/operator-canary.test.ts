/** A canary on a real API server with the real controllers. The kubelet and the serving pods' split are played. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { LABELS } from '../../operator/builders/metadata.ts'
import { coreEvents, sentimentModels } from '../../operator/controllers/resources.ts'
import type { KubeClient } from '../../operator/kube/client.ts'
import { configMaps, deployments, namespaces, services } from '../../operator/kube/resource.ts'
import { evaluated, TRAINED } from '../../operator/plan/testing/factories.ts'
import { type ApiServer, startApiServer } from './support/api-server.ts'
import { startControllerManager } from './support/controller-manager.ts'
import { testClient, type TestClient } from './support/kube-test-client.ts'
import { installCustomResources } from './support/own-resources.ts'
import { TestKubelet } from './support/test-kubelet.ts'
import { startOperator, type TestOperator } from './support/test-operator.ts'
import { TestSplit } from './support/test-split.ts'

const NAMESPACE = 'op-canary'
const MODEL = 'reviews'

let server: ApiServer
let controllerManager: ReturnType<typeof startControllerManager>
let access: TestClient
let client: KubeClient
let kubelet: TestKubelet
let operator: TestOperator
let split: TestSplit

beforeAll(async () => {
  server = await startApiServer()
  access = testClient(server.kubeconfigPath)
  client = access.client
  await installCustomResources(client)
  await client.create(namespaces, { metadata: { name: NAMESPACE } })
  controllerManager = startControllerManager(server.kubeconfigPath)
  kubelet = new TestKubelet(client)
  kubelet.behave(NAMESPACE, ({ component }) =>
    component === 'server'
      ? { kind: 'ready' }
      : { kind: 'ended', exitCode: 0, message: component === 'trainer' ? TRAINED : evaluated() },
  )
  split = new TestSplit(client, NAMESPACE, MODEL)
  operator = start('canary-1')
})
afterAll(async () => {
  await operator.stop()
  await kubelet.stop()
  await controllerManager.stop()
  await access.connection.close()
  await server.stop()
})

const start = (leaseName: string) =>
  startOperator(server.kubeconfigPath, [NAMESPACE], {
    leaseName,
    readEvidence: split.readEvidence,
    askService: split.askService,
  })

const eventually = <T>(check: () => Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 60_000, interval: 200 })

function apply(epochs: number, rollout: object = {}) {
  const train = {
    baseModel: { uri: 'hf://owner/base' },
    dataset: { uri: 'pvc://data/reviews' },
    hyperparameters: { epochs },
  }
  const spec = {
    labels: ['negative', 'positive'],
    source: { train },
    rollout: { steps: [{ weight: 5 }, { weight: 50 }], ...rollout },
  }
  const object = { metadata: { namespace: NAMESPACE, name: MODEL }, spec }
  return client.apply(sentimentModels, object as never, { fieldManager: 'user', force: true })
}

const status = async () => (await client.get(sentimentModels, NAMESPACE, MODEL))?.status ?? {}
const answering = async () => (await client.get(services, NAMESPACE, MODEL))?.spec?.selector?.[LABELS.version]
const routing = async () =>
  JSON.parse((await client.get(configMaps, NAMESPACE, `${MODEL}-routing`))?.data?.['routing.json'] ?? '{}') as {
    perMille: number
    candidate?: string
  }
const annotate = (verb: string, version: string) =>
  client.mergePatch(
    sentimentModels,
    NAMESPACE,
    MODEL,
    { metadata: { annotations: { [`valence.dev/${verb}`]: version } } },
    { fieldManager: 'alice' },
  )
const stable = () =>
  eventually(async () => {
    const { stable: found, phase } = await status()
    expect(phase).toBe('Ready')
    return found?.version ?? ''
  })

test('a good version goes step by step to all of the traffic, also when the operator dies in the middle of a step', async () => {
  await apply(3)
  const first = await stable()
  await apply(4)
  await eventually(async () => expect((await status()).rollout).toMatchObject({ phase: 'Stepping', weight: 5 }))
  const candidate = (await status()).rollout?.version ?? ''
  expect(await routing()).toMatchObject({ stable: first, candidate, perMille: 50 })
  expect(await answering()).toBe(first)

  await operator.stop()
  operator = start('canary-2')
  await eventually(async () => expect(await answering()).toBe(candidate))
  expect(await stable()).toBe(candidate)
  const { promotions, rollout } = await status()
  expect(promotions?.at(-1)).toMatchObject({ version: candidate, from: first, reason: 'EvidencePassed' })
  expect(rollout).toBeUndefined()
  const { items } = await client.list(coreEvents, { namespace: NAMESPACE })
  expect(items.map(({ reason }) => reason)).toEqual(
    expect.arrayContaining(['RolloutStarted', 'CandidateReady', 'StepStarted', 'Promoted']),
  )
}, 180_000)

test('a bad one is rolled back with its evidence, and comes back only when somebody asks', async () => {
  const before = await stable()
  await apply(5)
  await eventually(async () => expect((await status()).rollout?.phase).toBe('Stepping'))
  const bad = (await status()).rollout?.version ?? ''
  split.failing = { [bad]: 0.3 }
  await eventually(async () => {
    const { rollout, rejected } = await status()
    expect(rollout).toMatchObject({ version: bad, phase: 'RolledBack', reason: 'CandidateWorse', weight: 0 })
    expect(rollout?.withdrawnAt).toBeDefined()
    expect(rejected).toMatchObject([{ version: bad, outcome: 'RolledBack' }])
  })
  expect(await routing()).toMatchObject({ stable: before, perMille: 0 })
  await eventually(async () => expect(await client.get(deployments, NAMESPACE, bad)).toBeUndefined())
  expect(await answering()).toBe(before)

  split.failing = {}
  await annotate('retry', bad)
  await eventually(async () => expect((await status()).rollout).toMatchObject({ version: bad, phase: 'Stepping' }))
  await annotate('abort', bad)
  await eventually(async () => {
    expect((await status()).rejected).toMatchObject([{ version: bad, outcome: 'Aborted', by: 'alice' }])
  })
  expect(await answering()).toBe(before)
}, 180_000)
