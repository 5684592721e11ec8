/** The main job on a real cluster: a manifest becomes a model that answers, and stays one whatever comes next. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  configMaps,
  deployments,
  jobs,
  persistentVolumeClaims,
  podDisruptionBudgets,
  services,
} from '../../operator/kube/resource.ts'
import { sentimentModels } from '../../operator/controllers/resources.ts'
import { claimContent } from './support/claim.ts'
import { connectCluster, type Cluster } from './support/cluster.ts'
import { assert, eventually } from './support/eventually.ts'
import {
  applyModel,
  condition,
  getModel,
  quickRecipe,
  versionsOf,
  waitForCondition,
  type Manifest,
} from './support/models.ts'
import { killOperator } from './support/operator-pods.ts'
import { startTraffic } from './support/traffic.ts'

const NAME = 'e2e'
const TRAIN_SECONDS = 420
/** The claim with the quickstart's data, and what is on it. */
const DATA_CLAIM = 'quickstart-data'
const DATA = ['all-MiniLM-L6-v2', 'mr']

const manifest = (source: Record<string, unknown>, spec: Record<string, unknown> = {}): Manifest => ({
  metadata: { name: NAME },
  spec: {
    labels: ['negative', 'positive'],
    source,
    storage: { size: '2Gi' },
    job: { retries: 1 },
    gates: { minAccuracy: 0.6 },
    serving: { resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } } },
    ...spec,
  },
})

let cluster: Cluster
let traffic: Awaited<ReturnType<typeof startTraffic>> | undefined
/** The first version's name and its digest: what pinning back must bring again. */
let first: { version: string; digest: string | undefined }

beforeAll(() => {
  cluster = connectCluster()
})
afterAll(async () => {
  await traffic?.stop()
  await cluster.close()
})

async function ask(text: string, path = '/predict') {
  return cluster.call({ kind: 'services', name: NAME, port: 8000 }, path, { body: { text } })
}

const answersWith = (version: string) =>
  eventually(`${version} answers`, 60, async () => {
    const answer = await ask('fine')
    assert(
      answer.status === 200 && answer.headers['x-model-version'] === version,
      () => `${answer.status} ${JSON.stringify(answer.headers)}`,
    )
  })

describe('from kubectl apply to an answer', { timeout: 900_000 }, () => {
  it('trains, gates and serves the first version', async () => {
    await applyModel(cluster, manifest(quickRecipe('one')))
    const model = await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, TRAIN_SECONDS)
    await waitForCondition(cluster, NAME, { type: 'Ready', status: 'True' }, 60)

    expect(model.status?.stable?.accuracy).toBeGreaterThan(0.6)
    expect(model.status?.stable?.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    first = { version: model.status?.stable?.version ?? '', digest: model.status?.stable?.digest }
    const [version] = await versionsOf(cluster, NAME)
    expect(version?.metadata.name).toBe(first.version)
    expect(version?.status?.attempts?.map((entry) => `${entry.kind} ${entry.number} ${entry.result ?? ''}`)).toEqual([
      'train 1 Succeeded',
      'evaluate 1 Succeeded',
    ])
    expect(version?.status?.evaluation?.parity.tokenMismatches).toBe(0)
    expect(version?.status?.evaluation?.fp32?.accuracy).toBeCloseTo(version?.status?.training?.accuracy ?? 0, 6)
  })

  it('answers a plainly positive sentence with positive and a plainly negative one with negative', async () => {
    const positive = await ask('A wonderful, moving film with brilliant performances. I loved every minute.')
    expect(positive.body).toMatchObject({ sentiment: 'positive' })
    expect((positive.body as { score: number }).score).toBeGreaterThan(0.5)
    const negative = await ask('A dull, stupid mess. The worst film I have seen in years.')
    expect(negative.body).toMatchObject({ sentiment: 'negative' })
    expect((negative.body as { score: number }).score).toBeGreaterThan(0.5)
    expect(negative.headers).toMatchObject({ 'x-model-version': first.version, 'x-model-digest': first.digest })
  })

  it('shows the metrics of the original on port 8001', async () => {
    const metrics = await cluster.call({ kind: 'services', name: NAME, port: 8001 }, '/metrics')
    expect(metrics.status).toBe(200)
    expect(metrics.text).toMatch(/^prediction_duration_seconds_count(\{[^}]*\})? [1-9]/m)
    expect(metrics.text).toMatch(/^prediction_requests_total(\{[^}]*\})? [1-9]/m)
    expect(metrics.text).toMatch(/^sentiment_score_bucket\{[^}]*le="0\.75"[^}]*\} \d/m)
  })

  it('says that no baseline is declared', async () => {
    const answer = await ask('fine', '/predict/naive')
    expect(answer.status).toBe(404)
    expect((answer.body as { message: string }).message).toMatch(/baseline/)
    expect((await ask('fine', '/predict/trained')).headers['x-model-version']).toBe(first.version)
  })

  it('trains once when the same manifest is applied twice', async () => {
    const before = await getModel(cluster, NAME)
    await applyModel(cluster, manifest(quickRecipe('one')))
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect((await getModel(cluster, NAME)).metadata.generation).toBe(before.metadata.generation)
    expect(await versionsOf(cluster, NAME)).toHaveLength(1)
    const { items } = await cluster.client.list(jobs, {
      namespace: cluster.namespace,
      labelSelector: `valence.dev/model=${NAME}`,
    })
    expect(items.map((job) => job.metadata.name).sort()).toEqual([
      `${first.version}-evaluate-1`,
      `${first.version}-train-1`,
    ])
  })
})

describe('a second version under constant traffic', { timeout: 900_000 }, () => {
  let second: string

  it('is trained, gated and made ready before the traffic moves, and no request fails, though the operator is killed', async () => {
    traffic = await startTraffic(cluster, NAME)
    await applyModel(cluster, manifest(quickRecipe('two')))
    await waitForCondition(cluster, NAME, { type: 'Progressing', status: 'True', reason: 'Training' }, 60)
    await killOperator(cluster)
    const model = await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, TRAIN_SECONDS)
    second = model.status?.stable?.version ?? ''
    expect(second).not.toBe(first.version)
    expect(model.status?.promotions?.map((entry) => entry.version)).toEqual([first.version, second])
    const version = (await versionsOf(cluster, NAME)).find((candidate) => candidate.metadata.name === second)
    expect(version?.status?.attempts?.map((entry) => entry.job)).toEqual([`${second}-train-1`, `${second}-evaluate-1`])
    await answersWith(second)

    // The old pods drain and go, which is the moment at which requests would be lost.
    await eventually('the old Deployment is gone', 120, async () => {
      const old = await cluster.client.get(deployments, cluster.namespace, first.version)
      assert(old === undefined, () => 'still there')
    })
    await new Promise((resolve) => setTimeout(resolve, 10_000))
    const count = await traffic.count()
    expect(count.failures).toEqual([])
    expect(count.versions[first.version]).toBeGreaterThan(0)
    expect(count.versions[second]).toBeGreaterThan(0)
  })

  it('goes back to the kept version in seconds when it is pinned, without training', async () => {
    const begin = performance.now()
    await applyModel(cluster, manifest(quickRecipe('two'), { serving: { version: first.version } }))
    const model = await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, 90)
    expect(performance.now() - begin).toBeLessThan(90_000)
    expect(model.status?.stable).toMatchObject(first)
    await answersWith(first.version)
    expect((await versionsOf(cluster, NAME)).flatMap((version) => version.status?.attempts ?? [])).toHaveLength(4)
    expect((await traffic?.count())?.failures).toEqual([])
  })

  it('takes the version of the spec again when the pin goes', async () => {
    await applyModel(cluster, manifest(quickRecipe('two')))
    await waitForCondition(cluster, NAME, { type: 'Promoted', status: 'True' }, 90)
    await answersWith(second)
    expect((await traffic?.count())?.failures).toEqual([])
  })
})

describe('an imported model with a baseline', { timeout: 900_000 }, () => {
  const imported = 'e2e-import'

  it('is served without training, and /predict/naive answers with the baseline', async () => {
    // A finished checkpoint: the one that the first version left on its own claim.
    const uri = `pvc://${NAME}-artifacts/${first.version}/checkpoint`
    const { spec } = manifest({ import: { uri } })
    await applyModel(cluster, {
      metadata: { name: imported },
      // On a claim of the user's, which holds other things too.
      spec: { ...spec, gates: {}, baseline: { uri, maxLength: 16 }, storage: { claimName: DATA_CLAIM } },
    })
    const model = await waitForCondition(cluster, imported, { type: 'Promoted', status: 'True' }, TRAIN_SECONDS)
    const stable = model.status?.stable?.version ?? ''
    const naive = await eventually('the baseline answers', 240, async () => {
      const target = { kind: 'services', name: imported, port: 8000 } as const
      const answer = await cluster.call(target, '/predict/naive', { body: { text: 'A wonderful film, I loved it.' } })
      assert(answer.status === 200, () => `${answer.status} ${answer.text}`)
      return answer
    })
    const baseline = (await getModel(cluster, imported)).status?.baseline?.version
    expect(naive.headers['x-model-version']).toBe(baseline)
    expect(baseline).not.toBe(stable)
    expect(naive.body).toMatchObject({ sentiment: 'positive' })
    const versions = await versionsOf(cluster, imported)
    expect(versions.map((version) => version.metadata.name).sort()).toEqual([stable, baseline].sort())
    expect(await claimContent(cluster)).toEqual(expect.arrayContaining([...DATA, stable, baseline]))
  })

  it('takes what it wrote from a claim of the user when it is deleted, and leaves the rest', async () => {
    const { metadata } = await getModel(cluster, imported)
    await cluster.client.delete(sentimentModels, cluster.namespace, imported, { preconditions: { uid: metadata.uid } })
    await eventually('its versions are gone', 180, async () => {
      const versions = await versionsOf(cluster, imported)
      assert(versions.length === 0, () => JSON.stringify(versions.map((version) => version.metadata.name)))
    })
    expect(await claimContent(cluster)).toEqual(DATA)
    const { items } = await cluster.client.list(jobs, {
      namespace: cluster.namespace,
      labelSelector: `valence.dev/model=${imported}`,
    })
    expect(items.filter((job) => job.metadata.deletionTimestamp === undefined)).toEqual([])
  })
})

describe('what goes wrong ends in the right condition while the stable version serves on', { timeout: 900_000 }, () => {
  let stable: string

  beforeAll(async () => {
    stable = (await getModel(cluster, NAME)).status?.stable?.version ?? ''
  })

  it('bad data is named with its file and never retried', async () => {
    await applyModel(cluster, manifest(quickRecipe('bad-data', { textColumn: 'review' })))
    const model = await waitForCondition(
      cluster,
      NAME,
      { type: 'Blocked', status: 'True', reason: 'DataInvalid' },
      TRAIN_SECONDS,
    )
    expect(condition(model, 'Blocked')?.message).toMatch(/review/)
    expect(condition(model, 'Blocked')?.message).toMatch(/train\.tsv/)
    expect(condition(model, 'Ready')).toMatchObject({ status: 'True' })
    const version = (await versionsOf(cluster, NAME)).find(
      (candidate) => candidate.metadata.name === model.status?.candidate?.version,
    )
    expect(version?.status).toMatchObject({ phase: 'Failed' })
    expect(version?.status?.attempts).toHaveLength(1)
    await answersWith(stable)
  })

  it('an image that does not exist is named, and a corrected one is taken at once', async () => {
    const image = 'localhost/valence-e2e/no-such-image:1'
    await applyModel(cluster, manifest(quickRecipe('bad-image'), { job: { image } }))
    const model = await waitForCondition(
      cluster,
      NAME,
      { type: 'Blocked', status: 'True', reason: 'ImagePullFailed' },
      120,
    )
    expect(condition(model, 'Blocked')?.message).toContain(image)
    expect(condition(model, 'Ready')).toMatchObject({ status: 'True' })
    await answersWith(stable)

    await applyModel(cluster, manifest(quickRecipe('bad-image'), { gates: { minAccuracy: 0.999 } }))
    await eventually('the Job is replaced', 60, async () => {
      const { items } = await cluster.client.list(jobs, {
        namespace: cluster.namespace,
        labelSelector: `valence.dev/version=${model.status?.candidate?.version ?? ''}`,
      })
      const live = items.filter((job) => job.metadata.deletionTimestamp === undefined)
      assert(live.length === 1 && live[0]?.spec?.template.spec?.containers[0]?.image !== image, () =>
        JSON.stringify(live.map((job) => job.metadata.name)),
      )
    })
  })

  it('a version under its floor is rejected with its numbers and never served', async () => {
    const model = await waitForCondition(
      cluster,
      NAME,
      { type: 'Gated', status: 'False', reason: 'GateFailed' },
      TRAIN_SECONDS,
    )
    expect(condition(model, 'Gated')?.message).toMatch(/minAccuracy: wanted >= 0\.999, measured 0\.\d+/)
    const rejected = model.status?.candidate?.version ?? ''
    expect(model.status?.candidate).toMatchObject({ phase: 'Rejected' })
    expect(await cluster.client.get(deployments, cluster.namespace, rejected)).toBeUndefined()
    await answersWith(stable)
    expect((await traffic?.count())?.failures).toEqual([])
  })
})

describe('deletion', () => {
  it('removes everything that was made for the model, and only that', async () => {
    await traffic?.stop()
    traffic = undefined
    const model = await getModel(cluster, NAME)
    await cluster.client.delete(sentimentModels, cluster.namespace, NAME, {
      preconditions: { uid: model.metadata.uid },
    })
    await eventually('everything is gone', 120, async () => {
      for (const resource of [jobs, deployments, services, configMaps, persistentVolumeClaims, podDisruptionBudgets]) {
        const { items } = await cluster.client.list(resource as typeof jobs, {
          namespace: cluster.namespace,
          labelSelector: `valence.dev/model=${NAME}`,
        })
        assert(items.length === 0, () => `${resource.kind}: ${items.map((item) => item.metadata.name).join(', ')}`)
      }
      const versions = await versionsOf(cluster, NAME)
      assert(versions.length === 0, () => `${versions.length} ModelVersions`)
    })
    expect(await cluster.client.get(persistentVolumeClaims, cluster.namespace, DATA_CLAIM)).toBeDefined()
  })
})
