import { expect, test } from 'vitest'
import { trainerSpec } from '../../../contract/job-spec.ts'
import { parseSentimentModel } from './sentiment-model.ts'

const train = { baseModel: { uri: 'hf://a/b' }, dataset: { uri: 'pvc://data/reviews' } }
const checkpoint = { uri: 'hf://a/b', revision: '714eb0f' }
const model = (spec: object, name = 'reviews') => ({
  apiVersion: 'valence.dev/v1alpha1',
  kind: 'SentimentModel',
  metadata: { name, namespace: 'default', uid: 'u', generation: 1, managedFields: [{ manager: 'kubectl' }] },
  spec: { labels: ['negative', 'positive'], source: { train }, ...spec },
})
function accepted(raw: unknown) {
  const parsed = parseSentimentModel(raw)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return parsed.value
}
function refusals(raw: unknown) {
  const parsed = parseSentimentModel(raw)
  return parsed.ok ? [] : parsed.errors.map(({ field, message }) => `${field}: ${message}`)
}

test('the shortest manifest gets the whole recipe', () => {
  expect(accepted(model({})).spec).toEqual({
    labels: ['negative', 'positive'],
    source: {
      train: {
        baseModel: { uri: 'hf://a/b' },
        dataset: {
          uri: 'pvc://data/reviews',
          split: 'train',
          textColumn: 'text',
          labelColumn: 'label',
          samples: 10_000,
          shuffleSeed: 42,
        },
        hyperparameters: {
          epochs: 3,
          batchSize: 8,
          learningRate: '2e-5',
          weightDecay: '0.01',
          warmupRatio: '0',
          schedule: 'linear',
          maxGradNorm: '1.0',
          maxLength: 512,
          seed: 42,
          precision: 'auto',
          freeze: { embeddings: false, layers: 0 },
          holdoutRatio: '0.1',
        },
      },
    },
    job: { gpu: 0, deadlines: { pending: '30m', active: '6h' }, retries: 3 },
    storage: { size: '10Gi' },
    gates: {
      parity: { maxLogitDifference: 0.001, minLabelAgreement: 0.995, maxBatchScoreChange: 0.001 },
      int8: { minLabelAgreement: 0.98, maxAccuracyDrop: 0.005, maxBatchScoreChange: 0.001 },
      mode: 'Enforce',
    },
    serving: { replicas: 1, precision: 'auto' },
    rollout: {
      steps: [],
      analysis: {
        minRequests: 500,
        maxFailureRatio: 2,
        tolerableFailureRate: 0.01,
        alphaHarm: 0.01,
        alphaOk: 0.05,
      },
      candidateTimeout: '1s',
      readyDeadline: '10m',
      deadline: '24h',
      onDeadline: 'Hold',
      approval: 'Auto',
      onSupersede: 'Replace',
    },
    history: { keepVersions: 5 },
    monitoring: { serviceMonitor: 'Auto' },
  })
})

test('parsing is stable: what it gives is what it takes', () => {
  const once = accepted(model({ gates: { evaluation: { dataset: { uri: 'file:///data/test.tsv' } } } }))
  expect(accepted(once)).toEqual(once)
})

test('what a model asks for is what the trainer accepts', () => {
  const { spec } = accepted(model({ gates: { evaluation: { dataset: { uri: 'file:///data/test.tsv', samples: 5 } } } }))
  const asked = {
    schemaVersion: 1,
    version: 'reviews-0123456789',
    labels: spec.labels,
    source: spec.source,
    evaluation: spec.gates.evaluation?.dataset,
  }
  expect(trainerSpec.parse(asked)).toEqual(asked)
  const imported = accepted(model({ source: { import: { ...checkpoint, maxLength: 128 } } })).spec
  const askedImport = { schemaVersion: 1, version: 'v', labels: imported.labels, source: imported.source }
  expect(trainerSpec.parse(askedImport)).toEqual(askedImport)
})

test.each([
  [
    'both sources',
    { source: { train, import: checkpoint } },
    'spec.source: source must have exactly one of train and import',
  ],
  ['no source', { source: {} }, 'spec.source: source must have exactly one of train and import'],
  ['repeated labels', { labels: ['a', 'a'] }, 'spec.labels: labels must be different from each other'],
  ['a blank at the end', { labels: ['a', 'b '] }, 'spec.labels[1]: a label must not begin or end with a blank'],
  [
    'an unknown scheme',
    { source: { import: { uri: 's3://bucket/model' } } },
    'spec.source.import.uri: import.uri must be hf://<owner>/<name>, pvc://<claim>/<path> or file:///<path>',
  ],
  [
    'a path that leads out',
    { source: { import: { uri: 'pvc://data/a/../../b' } } },
    'spec.source.import.uri: import.uri must not contain the path segment ".."',
  ],
  [
    'a revision of a claim',
    { source: { import: { uri: 'pvc://data/a', revision: 'abc' } } },
    'spec.source.import: import.revision has a meaning for hf:// only: remove it, or use an hf:// uri',
  ],
  [
    'a learning rate of zero',
    { source: { train: { ...train, hyperparameters: { learningRate: '0' } } } },
    'spec.source.train.hyperparameters.learningRate: learningRate must be a decimal number in quotes, above 0 and at most 1',
  ],
  [
    'a falling weight',
    { rollout: { steps: [{ weight: 5 }, { weight: 1 }] } },
    'spec.rollout.steps: the weights of rollout.steps must rise from step to step',
  ],
  [
    'a repeated weight',
    { rollout: { steps: [{ weight: 5 }, { weight: 5 }] } },
    'spec.rollout.steps: the weights of rollout.steps must rise from step to step',
  ],
  [
    'a weight with two decimals',
    { rollout: { steps: [{ weight: 1.25 }] } },
    'spec.rollout.steps[0].weight: weight must have at most one decimal',
  ],
  [
    'an accuracy for an import without rows',
    { source: { import: checkpoint }, gates: { minAccuracy: 0.9 } },
    'spec.gates.evaluation: gates.minAccuracy and gates.minMacroF1 of an imported model need gates.evaluation.dataset: an import brings no rows to measure on',
  ],
  [
    'both storages',
    { storage: { claimName: 'a', size: '1Gi' } },
    'spec.storage: storage must have exactly one of claimName and size',
  ],
  [
    'access modes of an existing claim',
    { storage: { claimName: 'a', accessModes: ['ReadWriteMany'] } },
    'spec.storage: storage.storageClassName and storage.accessModes need storage.size: an existing claim has its own',
  ],
  [
    "another model's version",
    { serving: { version: 'other-0123456789' } },
    'spec.serving.version: serving.version must be a version of this model: its name begins with metadata.name and "-"',
  ],
  [
    'a toleration of nothing',
    { job: { tolerations: [{ effect: 'NoSchedule' }] } },
    'spec.job.tolerations[0]: a toleration without key needs operator Exists',
  ],
  [
    'a node label that is none',
    { serving: { nodeSelector: { 'gpu type': 'h200' } } },
    'spec.serving.nodeSelector: nodeSelector must hold valid label keys and values',
  ],
])('%s is refused with the field and a sentence', (_, spec, refusal) => {
  expect(refusals(model(spec))).toContain(refusal)
})

test.each([{ weight: 0 }, { weight: 100.1 }, { weight: -1 }])('the weight $weight is out of range', (step) => {
  expect(refusals(model({ rollout: { steps: [step] } }))[0]).toMatch(/^spec\.rollout\.steps\[0\]\.weight: /)
})

test('every weight in tenths of a percent is accepted', () => {
  for (let tenths = 1; tenths <= 1000; tenths++) {
    expect(refusals(model({ rollout: { steps: [{ weight: Number((tenths / 10).toFixed(1)) }] } }))).toEqual([])
  }
})

test('a name of more than 40 characters is refused, because Job and pod names are derived from it', () => {
  expect(refusals(model({}, 'a'.repeat(40)))).toEqual([])
  expect(refusals(model({}, 'a'.repeat(41)))[0]).toContain('metadata.name must be at most 40 characters')
  expect(refusals(model({}, '1st'))[0]).toContain('begin with a letter')
})

test('an unknown field is refused by name', () => {
  expect(refusals(model({ shadow: {} }))).toEqual(['spec: Unrecognized key: "shadow"'])
})
