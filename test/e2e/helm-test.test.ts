/** `helm test` of the installed release, as an administrator runs it after an installation. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentimentModels } from '../../operator/controllers/resources.ts'
import { connectCluster, required, type Cluster } from './support/cluster.ts'
import { applyModel, quickRecipe, waitForCondition } from './support/models.ts'

const run = promisify(execFile)
const RELEASE = 'valence'
const NAME = 'released'
const namespace = required('VALENCE_E2E_NAMESPACE')

let cluster: Cluster

beforeAll(() => {
  cluster = connectCluster()
})
afterAll(async () => {
  try {
    // The release is shared: later runs find it as it was installed.
    await upgradeRelease({ 'test.model': '', 'test.namespace': '' })
    // Not there where a test failed before it applied the model.
    const model = await cluster.client.get(sentimentModels, cluster.namespace, NAME)
    if (model)
      await cluster.client.delete(sentimentModels, cluster.namespace, NAME, {
        preconditions: { uid: model.metadata.uid },
      })
  } finally {
    await cluster.close()
  }
})

const release = [RELEASE, '--namespace', namespace]

async function upgradeRelease(values: Record<string, string>): Promise<void> {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set-string', `${name}=${value}`])
  await run('helm', ['upgrade', ...release, 'charts/valence', '--reuse-values', ...set], { timeout: 120_000 })
}

async function testRelease(values: Record<string, string>): Promise<string> {
  await upgradeRelease(values)
  const { stdout } = await run('helm', ['test', ...release, '--logs', '--timeout', '150s'], { timeout: 180_000 })
  return stdout
}

describe('helm test', { timeout: 900_000 }, () => {
  it('asks the operator where no model is named', async () => {
    const output = await testRelease({ 'test.model': '' })
    expect(output).toContain('the operator is ready')
    expect(output).toContain('test.model is not set')
  })

  it('sends a sentence to the model that is named', async () => {
    await applyModel(cluster, {
      metadata: { name: NAME },
      spec: {
        labels: ['negative', 'positive'],
        source: quickRecipe('helm-test'),
        storage: { size: '2Gi' },
        serving: { resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } } },
      },
    })
    const model = await waitForCondition(cluster, NAME, { type: 'Ready', status: 'True' }, 420)
    const output = await testRelease({ 'test.model': NAME, 'test.namespace': cluster.namespace })
    expect(output).toContain(`${model.status?.stable?.version ?? 'no version'} says positive`)
  })

  it('fails, and says why, where the model is not there', async () => {
    const test = testRelease({ 'test.model': 'nobody', 'test.namespace': cluster.namespace })
    await expect(test).rejects.toMatchObject({ stdout: expect.stringContaining('FAILED: the model') as string })
  })
})
