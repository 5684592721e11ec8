/** Every wait names its culprit, as a real cluster brings it about: a missing claim, a missing Secret, a quota, a failing probe. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { KubeObject } from '../../operator/kube/object.ts'
import { defineResource, pods, secrets } from '../../operator/kube/resource.ts'
import { sentimentModels } from '../../operator/controllers/resources.ts'
import { connectCluster, type Cluster } from './support/cluster.ts'
import { applyModel, condition, getModel, quickRecipe, waitForCondition } from './support/models.ts'

const NAME = 'e2e-waits'
const resourceQuotas = defineResource<KubeObject & { spec: { hard: Record<string, string> } }>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
})
const SMALL = { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } }

const manifest = (token: string, spec: Record<string, unknown> = {}, name = NAME) => ({
  metadata: { name },
  spec: {
    labels: ['negative', 'positive'],
    source: quickRecipe(token, { samples: 300 }),
    storage: { size: '1Gi' },
    serving: { resources: SMALL },
    ...spec,
  },
})

let cluster: Cluster
beforeAll(() => {
  cluster = connectCluster()
})
afterAll(() => cluster.close())

const waitForBlocked = (name: string, reason: string) =>
  waitForCondition(cluster, name, { type: 'Blocked', status: 'True', reason }, 180)

async function removeModel(name: string) {
  const { metadata } = await getModel(cluster, name)
  await cluster.client.delete(sentimentModels, cluster.namespace, name, { preconditions: { uid: metadata.uid } })
}

it('a claim that does not exist is named', async () => {
  const name = 'e2e-no-claim'
  await applyModel(cluster, manifest('claim', { storage: { claimName: 'no-such-claim' } }, name))
  const model = await waitForBlocked(name, 'ClaimMissing')
  expect(model.status?.blocked).toMatchObject({ object: 'PersistentVolumeClaim/no-such-claim' })
  await removeModel(name)
})

it('a Secret that does not exist is named, and the run goes on when it is there', async () => {
  await applyModel(cluster, manifest('one', { job: { tokenSecretRef: { name: 'e2e-hub', key: 'token' } } }))
  const model = await waitForBlocked(NAME, 'ConfigMissing')
  expect(condition(model, 'Blocked')?.message).toContain('secret "e2e-hub" not found')
  await cluster.client.create(secrets, {
    metadata: { name: 'e2e-hub', namespace: cluster.namespace },
    data: { token: Buffer.from('unused').toString('base64') },
  })
  await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, 420)
})

it('a probe that fails is named, and the pods that answer stay', async () => {
  // So little CPU that the server does not get ready in an hour.
  const starved = { requests: { cpu: '5m', memory: '256Mi' }, limits: { cpu: '5m', memory: '1Gi' } }
  await applyModel(cluster, manifest('one', { serving: { resources: starved } }))
  const model = await waitForBlocked(NAME, 'ProbeFailing')
  expect(model.status?.blocked?.object).toMatch(/^Pod\/e2e-waits-/)
  expect(condition(model, 'Ready')).toMatchObject({ status: 'True' })
  const answer = await cluster.call({ kind: 'services', name: NAME, port: 8000 }, '/predict', {
    body: { text: 'fine' },
  })
  expect(answer.status).toBe(200)
  await applyModel(cluster, manifest('one'))
  await waitForCondition(cluster, NAME, { type: 'Blocked', status: 'False' }, 120)
})

it('a quota that is used up is named with its figures', async () => {
  const { items } = await cluster.client.list(pods, { namespace: cluster.namespace })
  // Pods that have ended count for no quota.
  const running = items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
  const quota = await cluster.client.create(resourceQuotas, {
    metadata: { name: 'full', namespace: cluster.namespace },
    spec: { hard: { pods: String(running.length) } },
  })
  try {
    await applyModel(cluster, manifest('two'))
    const model = await waitForBlocked(NAME, 'QuotaExceeded')
    expect(condition(model, 'Blocked')?.message).toMatch(/exceeded quota: full, requested: pods=1/)
    expect(condition(model, 'Ready')).toMatchObject({ status: 'True' })
  } finally {
    await cluster.client.delete(resourceQuotas, cluster.namespace, 'full', {
      preconditions: { uid: quota.metadata.uid },
    })
  }
  await removeModel(NAME)
})
