import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type ApiConnection } from './support/custom-resources.ts'

const namespace = 'api-rejections'
const train = { baseModel: { uri: 'hf://a/b' }, dataset: { uri: 'pvc://data/reviews' } }
const spec = { labels: ['negative', 'positive'], source: { train } }
const model = (changed: object, name = 'reviews') => ({
  apiVersion: 'valence.dev/v1alpha1',
  kind: 'SentimentModel',
  metadata: { name },
  spec: { ...spec, ...changed },
})
const version = (name: string, changed: object = {}) => ({
  apiVersion: 'valence.dev/v1alpha1',
  kind: 'ModelVersion',
  metadata: { name },
  spec: { model: 'reviews', ...spec, ...changed },
})

let api: ApiConnection
beforeAll(async () => {
  api = await connect()
  await api.installCrds()
  await api.createNamespace(namespace)
})
afterAll(() => api.close())

async function refusal(object: object, plural = 'sentimentmodels') {
  const { status, body } = await api.create(namespace, plural, object, true)
  expect(status, JSON.stringify(body)).toBe(422)
  return body.message
}

test('the object that the refused ones differ from is accepted', async () => {
  expect((await api.create(namespace, 'sentimentmodels', model({}), true)).status).toBe(201)
})

describe('the API server refuses, with a sentence that names the field,', () => {
  test.each([
    [
      'an unknown gate mode',
      { gates: { mode: 'Strict' } },
      'spec.gates.mode: Unsupported value: "Strict": supported values: "Enforce", "Observe"',
    ],
    [
      'an unknown precision',
      { serving: { precision: 'int4' } },
      'spec.serving.precision: Unsupported value: "int4": supported values: "auto", "int8", "fp32"',
    ],
    [
      'more pods at least than at most',
      { serving: { autoscaling: { minReplicas: 3, maxReplicas: 2 } } },
      'spec.serving.autoscaling.minReplicas: Invalid value: serving.autoscaling.minReplicas must not be above maxReplicas',
    ],
    [
      'a metric of another type than it says',
      {
        serving: {
          autoscaling: {
            maxReplicas: 2,
            metrics: [
              { type: 'Pods', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 1 } } },
            ],
          },
        },
      },
      'spec.serving.autoscaling.metrics[0]: Invalid value: a metric must have the one field that its type names',
    ],
    [
      'an unknown schedule',
      { source: { train: { ...train, hyperparameters: { schedule: 'cosine' } } } },
      'spec.source.train.hyperparameters.schedule: Unsupported value: "cosine": supported values: "linear", "constant"',
    ],
    [
      'an unknown arithmetic',
      { source: { train: { ...train, hyperparameters: { precision: 'fp8' } } } },
      'spec.source.train.hyperparameters.precision: Unsupported value: "fp8"',
    ],
    [
      'an unknown service monitor',
      { monitoring: { serviceMonitor: 'Yes' } },
      'spec.monitoring.serviceMonitor: Unsupported value: "Yes"',
    ],
    [
      'an unknown access mode',
      { storage: { size: '1Gi', accessModes: ['ReadWrite'] } },
      'spec.storage.accessModes[0]: Unsupported value: "ReadWrite"',
    ],
    [
      'train and import',
      { source: { train, import: { uri: 'hf://a/b' } } },
      'spec.source: Invalid value: source must have exactly one of train and import',
    ],
    [
      'neither train nor import',
      { source: {} },
      'spec.source: Invalid value: source must have exactly one of train and import',
    ],
    ['no source', { source: undefined }, 'spec.source: Required value'],
    [
      'a train without a data set',
      { source: { train: { baseModel: train.baseModel } } },
      'spec.source.train.dataset: Required value',
    ],
    [
      'one label',
      { labels: ['only'] },
      'spec.labels: Invalid value: 1: spec.labels in body should have at least 2 items',
    ],
    ['no labels', { labels: undefined }, 'spec.labels: Required value'],
    [
      'a repeated label',
      { labels: ['good', 'bad', 'good'] },
      'spec.labels: Invalid value: labels must be different from each other',
    ],
    [
      'a label with a blank at its end',
      { labels: ['good', 'bad '] },
      'spec.labels[1]: Invalid value: "bad ": a label must not begin or end with a blank',
    ],
    [
      'a label of nothing',
      { labels: ['good', ''] },
      'spec.labels[1]: Invalid value: "": spec.labels[1] in body should be at least 1 chars long',
    ],
    [
      'a weight above 100',
      { rollout: { steps: [{ weight: 101 }] } },
      'spec.rollout.steps[0].weight: Invalid value: 101: spec.rollout.steps[0].weight in body should be less than or equal to 100',
    ],
    [
      'a weight of zero',
      { rollout: { steps: [{ weight: 0 }] } },
      'spec.rollout.steps[0].weight: Invalid value: 0: spec.rollout.steps[0].weight in body should be greater than 0',
    ],
    [
      'a negative weight',
      { rollout: { steps: [{ weight: -5 }] } },
      'spec.rollout.steps[0].weight in body should be greater than 0',
    ],
    [
      'a weight with two decimals',
      { rollout: { steps: [{ weight: 0.25 }] } },
      'spec.rollout.steps[0].weight: Invalid value: 0.25: weight must have at most one decimal',
    ],
    [
      'falling weights',
      { rollout: { steps: [{ weight: 25 }, { weight: 5 }] } },
      'spec.rollout.steps: Invalid value: the weights of rollout.steps must rise from step to step',
    ],
    [
      'equal weights',
      { rollout: { steps: [{ weight: 5 }, { weight: 5 }] } },
      'spec.rollout.steps: Invalid value: the weights of rollout.steps must rise from step to step',
    ],
    [
      'a shadow sample of too many decimals',
      { rollout: { shadow: { sample: 0.25 } } },
      'spec.rollout.shadow.sample: Invalid value: 0.25: sample must have at most one decimal',
    ],
    [
      'a failure ratio that is no more than the same',
      { rollout: { analysis: { maxFailureRatio: 1 } } },
      'spec.rollout.analysis.maxFailureRatio in body should be greater than 1',
    ],
    [
      'a tolerable failure rate that is none',
      { rollout: { analysis: { tolerableFailureRate: 1 } } },
      'spec.rollout.analysis.tolerableFailureRate in body should be less than 1',
    ],
    [
      'a latency objective that is no duration',
      { rollout: { analysis: { latencySLO: '250' } } },
      'spec.rollout.analysis.latencySLO: Invalid value: "250": analysis.latencySLO must be a duration above zero, such as 250ms',
    ],
    [
      'a sticky header that is no header',
      { rollout: { stickyHeader: 'x user' } },
      'spec.rollout.stickyHeader: Invalid value: "x user": rollout.stickyHeader must be the name of a header',
    ],
    [
      'an unknown way at the deadline',
      { rollout: { onDeadline: 'Promote' } },
      'spec.rollout.onDeadline: Unsupported value: "Promote": supported values: "Hold", "RollBack"',
    ],
    [
      'an active deadline that is no duration',
      { job: { deadlines: { active: '6 hours' } } },
      'spec.job.deadlines.active: Invalid value: "6 hours": job.deadlines.active must be a duration above zero, such as 250ms, 90s, 30m, 6h or 1h30m',
    ],
    [
      'a pending deadline of zero',
      { job: { deadlines: { pending: '0s' } } },
      'spec.job.deadlines.pending: Invalid value: "0s": job.deadlines.pending must be a duration above zero, such as 250ms, 90s, 30m, 6h or 1h30m',
    ],
    [
      'a storage size that is no quantity',
      { storage: { size: '10 gigs' } },
      'spec.storage.size: Invalid value: "10 gigs": storage.size must be a Kubernetes quantity above zero without an exponent, such as 500Mi or 10Gi',
    ],
    [
      'a storage size of zero',
      { storage: { size: '0Gi' } },
      'spec.storage.size: Invalid value: "0Gi": storage.size must be a Kubernetes quantity above zero',
    ],
    [
      'a request that is no quantity',
      { job: { resources: { requests: { cpu: 'two' } } } },
      'spec.job.resources.requests[cpu]: Invalid value: "two": each value of job.resources.requests must be a Kubernetes quantity of zero or more without an exponent, such as 500m, 2 or 4Gi',
    ],
    [
      'a negative limit',
      { serving: { resources: { limits: { memory: '-1Gi' } } } },
      'spec.serving.resources.limits[memory]: Invalid value: "-1Gi": each value of serving.resources.limits must be a Kubernetes quantity of zero or more without an exponent, such as 500m, 2 or 4Gi',
    ],
    [
      'a limit that would keep the API server busy for minutes',
      { job: { resources: { limits: { memory: '1e99999999' } } } },
      'spec.job.resources.limits[memory]: Invalid value: "1e99999999": each value of job.resources.limits must be a Kubernetes quantity',
    ],
    [
      'a negative number as a limit',
      { serving: { resources: { limits: { cpu: -1 } } } },
      'spec.serving.resources.limits[cpu]: Invalid value: -1: each value of serving.resources.limits must be a Kubernetes quantity',
    ],
    [
      'a learning rate that is no number',
      { source: { train: { ...train, hyperparameters: { learningRate: 'fast' } } } },
      'spec.source.train.hyperparameters.learningRate: Invalid value: "fast": learningRate must be a decimal number in quotes, above 0 and at most 1',
    ],
    [
      'a learning rate above one',
      { source: { train: { ...train, hyperparameters: { learningRate: '20' } } } },
      'learningRate must be a decimal number in quotes, above 0 and at most 1',
    ],
    [
      'a learning rate without quotes',
      { source: { train: { ...train, hyperparameters: { learningRate: 2e-5 } } } },
      'spec.source.train.hyperparameters.learningRate in body must be of type string: "number"',
    ],
    [
      'a dropout of one',
      { source: { train: { ...train, hyperparameters: { dropout: '1' } } } },
      'dropout must be a decimal number in quotes, at least 0 and below 1',
    ],
    [
      'no epochs',
      { source: { train: { ...train, hyperparameters: { epochs: 0 } } } },
      'spec.source.train.hyperparameters.epochs in body should be greater than or equal to 1',
    ],
    [
      'an unknown scheme of a base model',
      { source: { train: { ...train, baseModel: { uri: 's3://bucket/m' } } } },
      'spec.source.train.baseModel.uri: Invalid value: "s3://bucket/m": baseModel.uri must be hf://<owner>/<name>, pvc://<claim>/<path> or file:///<path>',
    ],
    [
      'a Hub name without owner',
      { source: { train: { ...train, dataset: { uri: 'hf://imdb' } } } },
      'spec.source.train.dataset.uri: Invalid value: "hf://imdb": dataset.uri must be hf://<owner>/<name>[/<config>], pvc://<claim>/<path> or file:///<path>',
    ],
    [
      'a path out of its claim',
      { source: { train: { ...train, dataset: { uri: 'pvc://data/../other' } } } },
      'dataset.uri must not contain the path segment ".."',
    ],
    [
      'a revision of a claim',
      { source: { train: { ...train, dataset: { uri: 'pvc://data/x', revision: 'main' } } } },
      'spec.source.train.dataset: Invalid value: dataset.revision has a meaning for hf:// only: remove it, or use an hf:// uri',
    ],
    [
      'a digest that is none',
      { source: { train: { ...train, dataset: { uri: 'pvc://data/x', digest: 'md5:1' } } } },
      'spec.source.train.dataset.digest: Invalid value: "md5:1": dataset.digest must be sha256:<64 lowercase hexadecimal digits>',
    ],
    [
      'a baseline elsewhere',
      { baseline: { uri: 'https://example.com/model' } },
      'spec.baseline.uri: Invalid value: "https://example.com/model": baseline.uri must be hf://<owner>/<name>',
    ],
    [
      'an accuracy gate of an import without rows',
      { source: { import: { uri: 'hf://a/b' } }, gates: { minAccuracy: 0.9 } },
      'spec.gates.evaluation: Invalid value: gates.minAccuracy and gates.minMacroF1 of an imported model need gates.evaluation.dataset: an import brings no rows to measure on',
    ],
    [
      'an F1 gate of an import without rows',
      { source: { import: { uri: 'hf://a/b' } }, gates: { minMacroF1: 0.9 } },
      'of an imported model need gates.evaluation.dataset',
    ],
    [
      'an accuracy in percent',
      { gates: { minAccuracy: 86 } },
      'spec.gates.minAccuracy: Invalid value: 86: spec.gates.minAccuracy in body should be less than or equal to 1',
    ],
    [
      'both kinds of storage',
      { storage: { claimName: 'c', size: '1Gi' } },
      'spec.storage: Invalid value: storage must have exactly one of claimName and size',
    ],
    [
      'storage of nothing',
      { storage: {} },
      'spec.storage: Invalid value: storage must have exactly one of claimName and size',
    ],
    [
      'a class for an existing claim',
      { storage: { claimName: 'c', storageClassName: 'fast' } },
      'spec.storage: Invalid value: storage.storageClassName and storage.accessModes need storage.size: an existing claim has its own',
    ],
    [
      "another model's version",
      { serving: { version: 'other-0123456789' } },
      'spec.serving.version: Invalid value: serving.version must be a version of this model: its name begins with metadata.name and "-"',
    ],
    [
      'a pin that is no version',
      { serving: { version: 'reviews' } },
      'spec.serving.version: Invalid value: "reviews": serving.version must be the name of a ModelVersion: <model>-<10 hexadecimal digits>',
    ],
    [
      'an image with a blank',
      { job: { image: 'my image' } },
      'spec.job.image: Invalid value: "my image": image must be a container image reference without blanks',
    ],
    [
      'a mirror that is no URL',
      { job: { hubEndpoint: 'mirror' } },
      'spec.job.hubEndpoint: Invalid value: "mirror": job.hubEndpoint must be a URL with http:// or https://',
    ],
    [
      'a toleration of nothing',
      { job: { tolerations: [{ effect: 'NoSchedule' }] } },
      'spec.job.tolerations[0]: Invalid value: a toleration without key needs operator Exists',
    ],
    [
      'a node label that is none',
      { serving: { nodeSelector: { 'gpu type': 'a' } } },
      'spec.serving.nodeSelector: Invalid value: nodeSelector must hold valid label keys and values',
    ],
    [
      'a Secret with an impossible name',
      { job: { tokenSecretRef: { name: 'My_Secret' } } },
      'spec.job.tokenSecretRef.name: Invalid value: "My_Secret": job.tokenSecretRef.name must be the name of an object',
    ],
    [
      'too many replicas',
      { serving: { replicas: 1001 } },
      'spec.serving.replicas in body should be less than or equal to 1000',
    ],
    [
      'no kept version',
      { history: { keepVersions: 0 } },
      'spec.history.keepVersions in body should be greater than or equal to 1',
    ],
  ])('%s', async (_, changed, message) => {
    expect(await refusal(model(changed))).toContain(message)
  })

  test('a name too long for what is derived from it', async () => {
    expect(await refusal(model({}, 'a'.repeat(41)))).toContain(
      'metadata.name must be at most 40 characters, lowercase letters, digits and "-", and begin with a letter: names are derived from it, such as <name>-<10 hexadecimal digits>-train-<n>',
    )
    expect((await api.create(namespace, 'sentimentmodels', model({}, 'a'.repeat(40)), true)).status).toBe(201)
  })

  test('a name that no Service could have', async () => {
    for (const name of ['1st', 'my.model']) {
      expect(await refusal(model({}, name))).toContain('metadata.name must be at most 40 characters, lowercase letters')
    }
  })

  test('a ModelVersion whose name is not derived from its model', async () => {
    for (const name of ['other-0123456789', 'reviews-1', 'reviews-012345678g']) {
      expect(await refusal(version(name), 'modelversions')).toContain(
        'metadata.name must be <spec.model>-<10 hexadecimal digits>',
      )
    }
  })

  test('a field that has no effect in this release', async () => {
    for (const [field, changed] of Object.entries({
      'spec.serving.autoscaling.targetCPU': { serving: { autoscaling: { maxReplicas: 3, targetCPU: 80 } } },
      'spec.gates.golden': { gates: { golden: {} } },
    })) {
      const { status, body } = await api.create(namespace, 'sentimentmodels', model(changed), true)
      expect([status, body.message]).toEqual([400, expect.stringContaining(`unknown field "${field}"`)])
    }
  })
})

test('storage cannot be changed in place, and everything else can', async () => {
  await api.create(namespace, 'sentimentmodels', model({ storage: { size: '2Gi' } }, 'stored'))
  for (const storage of [{ size: '3Gi' }, { size: null, claimName: 'c' }, { storageClassName: 'fast' }, null]) {
    const { status, body } = await api.patch(namespace, 'sentimentmodels', 'stored', { spec: { storage } })
    expect([status, body.message]).toEqual([
      422,
      expect.stringContaining(
        'spec.storage: Invalid value: storage cannot be changed in place, because the artifacts of all versions are there: create another SentimentModel',
      ),
    ])
  }
  const scaled = await api.patch(namespace, 'sentimentmodels', 'stored', { spec: { serving: { replicas: 3 } } })
  expect(scaled.status).toBe(200)
})

test('the default storage cannot be changed in place either', async () => {
  await api.create(namespace, 'sentimentmodels', model({}, 'default-storage'))
  const changed = await api.patch(namespace, 'sentimentmodels', 'default-storage', {
    spec: { storage: { size: '11Gi' } },
  })
  expect([changed.status, changed.body.message]).toEqual([
    422,
    expect.stringContaining('storage cannot be changed in place'),
  ])
})

test('the spec of a ModelVersion is frozen, and its status is not', async () => {
  const name = 'reviews-0123456789'
  expect((await api.create(namespace, 'modelversions', version(name))).status).toBe(201)
  for (const changed of [
    { labels: ['negative', 'neutral', 'positive'] },
    { source: { train: { retrainToken: 'again' } } },
    { source: { train: { hyperparameters: { seed: 43 } } } },
    { evaluation: { dataset: { uri: 'pvc://data/test' } } },
  ]) {
    const { status, body } = await api.patch(namespace, 'modelversions', name, { spec: changed })
    expect([status, body.message]).toEqual([
      422,
      expect.stringContaining(
        'spec: Invalid value: the spec of a ModelVersion is frozen: change the SentimentModel instead',
      ),
    ])
  }
  const annotated = await api.patch(namespace, 'modelversions', name, { metadata: { annotations: { note: 'kept' } } })
  expect(annotated.status).toBe(200)
  const judged = await api.patch(namespace, 'modelversions', name, { status: { phase: 'Accepted' } }, '/status')
  expect([judged.status, judged.body['status']]).toEqual([200, { phase: 'Accepted' }])
})

test('a status with an unknown phase is refused, and a status cannot be written with the object', async () => {
  const created = await api.create(namespace, 'sentimentmodels', { ...model({}, 'status'), status: { phase: 'Ready' } })
  expect([created.status, created.body['status']]).toEqual([201, undefined])
  const { status, body } = await api.patch(
    namespace,
    'sentimentmodels',
    'status',
    { status: { phase: 'Done' } },
    '/status',
  )
  expect([status, body.message]).toEqual([422, expect.stringContaining('status.phase: Unsupported value: "Done"')])
})
