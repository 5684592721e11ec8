/**
 * The canary on a real cluster with real models under real requests: a good version takes over step by step, broken ones never do,
 * and callers notice neither. VALENCE_E2E_WHOLE=1 breaks candidates in every way there is; without it, in a few.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DISAGREES, MORE_FAULTS, SOME_FAULTS } from '../../dev/faults/kinds.ts'
import { deployments } from '../../operator/kube/resource.ts'
import { sentimentModels } from '../../operator/controllers/resources.ts'
import { canaryManifest, faultyImage, QUICK_ROLLOUT, weightsAgain } from './support/canary-model.ts'
import { connectCluster, type Cluster } from './support/cluster.ts'
import { assert, eventually } from './support/eventually.ts'
import { applyModel, condition, getModel, quickRecipe, waitForCondition } from './support/models.ts'
import { killOperator } from './support/operator-pods.ts'
import { startTraffic } from './support/traffic.ts'

const run = promisify(execFile)
const NAME = 'e2e-canary'
const IS_WHOLE = process.env['VALENCE_E2E_WHOLE'] === '1'

const BROKEN = IS_WHOLE ? [...SOME_FAULTS, ...MORE_FAULTS] : SOME_FAULTS

let cluster: Cluster
let image: string
let first: string
let traffic: Awaited<ReturnType<typeof startTraffic>>

const manifest = (source: Record<string, unknown>) =>
  canaryManifest({ name: NAME, image, rollout: QUICK_ROLLOUT }, source)
const again = (maxLength: number) => manifest(weightsAgain(NAME, first, maxLength))

const rolloutOf = async () => (await getModel(cluster, NAME)).status?.rollout
const stableOf = async () => (await getModel(cluster, NAME)).status?.stable?.version

beforeAll(async () => {
  cluster = connectCluster()
  image = await faultyImage(cluster)
  await applyModel(cluster, manifest(quickRecipe('canary', { samples: 600 })))
  const model = await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, 420)
  first = model.status?.stable?.version ?? ''
  traffic = await startTraffic(cluster, NAME, { callers: 4, pauseMs: 20 })
})
afterAll(async () => {
  await traffic.stop()
  const { metadata } = await getModel(cluster, NAME)
  await cluster.client.delete(sentimentModels, cluster.namespace, NAME, { preconditions: { uid: metadata.uid } })
  await cluster.close()
})

async function expectUnharmed() {
  expect((await traffic.count()).failures).toEqual([])
}

describe('a good version', { timeout: 900_000 }, () => {
  it('takes over step by step while the operator is killed, and no request fails', async () => {
    await applyModel(cluster, again(64))
    const seen = new Set<string>()
    const begun = await eventually('the first step', 240, async () => {
      const rollout = await rolloutOf()
      if (rollout) seen.add(rollout.phase)
      assert(rollout?.phase === 'Stepping', () => JSON.stringify(rollout))
      return rollout
    })
    await killOperator(cluster)
    const model = await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, 240)
    expect(model.status?.stable?.version).toBe(begun.version)
    expect(model.status?.promotions?.at(-1)).toMatchObject({ from: first, reason: 'EvidencePassed' })
    expect([...seen]).toEqual(expect.arrayContaining(['Shadowing', 'Stepping']))
    await eventually('the old Deployment is gone', 120, async () => {
      assert((await cluster.client.get(deployments, cluster.namespace, first)) === undefined, () => 'still there')
    })
    await expectUnharmed()
    const { versions } = await traffic.count()
    expect(versions[first]).toBeGreaterThan(0)
    expect(versions[begun.version]).toBeGreaterThan(0)
  })

  it('leaves a record that can be recomputed', async () => {
    const args = ['operator/verify.ts', '--namespace', cluster.namespace, '--model', NAME]
    const { stdout } = await run(process.execPath, args)
    expect(stdout).toMatch(/^1 \S+ Promote \S+ \(EvidencePassed\): same$/m)
  })
})

describe('a version that', { timeout: 900_000 }, () => {
  it.each(BROKEN)('$kind is never promoted, and callers do not notice', async ({ maxLength, reason }) => {
    const stable = await stableOf()
    await applyModel(cluster, again(maxLength))
    const model = await waitForCondition(
      cluster,
      NAME,
      { type: 'Promoted', status: 'False', reason: 'RolledBack' },
      300,
    )
    expect(model.status?.rollout?.reason).toMatch(reason)
    expect(condition(model, 'Promoted')?.message).toContain(model.status?.rollout?.reason)
    expect(model.status?.stable?.version).toBe(stable)
    await eventually('its pods are gone', 60, async () => {
      const left = await cluster.client.get(deployments, cluster.namespace, model.status?.rollout?.version ?? '')
      assert(left === undefined, () => 'still there')
    })
    await expectUnharmed()
  })

  it('disagrees with stable far more than predicted gets no live request', async () => {
    await applyModel(cluster, again(DISAGREES.maxLength))
    const model = await waitForCondition(
      cluster,
      NAME,
      { type: 'Blocked', status: 'True', reason: 'ShadowDisagreement' },
      240,
    )
    expect(model.status?.rollout).toMatchObject({ phase: 'Shadowing', weight: 0 })
    await expectUnharmed()
  })
})
