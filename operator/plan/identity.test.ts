import fc from 'fast-check'
import { expect, test } from 'vitest'
import { baselineVersion, desiredVersion, wantedVersions } from './identity.ts'
import { MODEL, modelOf, trainSource } from './testing/factories.ts'

const nameOf = (change: object = {}) => desiredVersion(MODEL, modelOf({ ...change }).spec).name
const dataset = { uri: 'pvc://data/reviews' }

test('a version is named for its model and ten digits of the hash over its inputs', () => {
  expect(nameOf()).toMatch(/^reviews-[0-9a-f]{10}$/)
  expect(nameOf()).toBe(nameOf())
})

/** An object of the same content whose keys come in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  )
}

const hyperparameters = fc.record(
  {
    epochs: fc.integer({ min: 1, max: 50 }),
    batchSize: fc.integer({ min: 1, max: 512 }),
    learningRate: fc.constantFrom('2e-5', '1e-4', '0.001', '.5'),
    warmupRatio: fc.constantFrom('0', '0.1', '0.06'),
    seed: fc.nat(1000),
    schedule: fc.constantFrom('linear', 'constant'),
    freeze: fc.record({ embeddings: fc.boolean(), layers: fc.nat(6) }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
)

test('the order in which fields are written changes nothing', () => {
  fc.assert(
    fc.property(hyperparameters, fc.nat(9999), (chosen, samples) => {
      const change = trainSource({ hyperparameters: chosen, dataset: { ...dataset, samples: samples + 1 } })
      expect(nameOf(reversed(change) as object)).toBe(nameOf(change))
    }),
    { numRuns: 50 },
  )
})

test('two sets of hyperparameters have one name exactly if they mean the same', () => {
  const meaning = (chosen: object) => {
    const { hyperparameters: all } = modelOf(trainSource({ hyperparameters: chosen })).spec.source.train ?? {}
    return { ...all, learningRate: Number(all?.learningRate), warmupRatio: Number(all?.warmupRatio) }
  }
  fc.assert(
    fc.property(hyperparameters, hyperparameters, (a, b) => {
      const [nameA, nameB] = [a, b].map((chosen) => nameOf(trainSource({ hyperparameters: chosen })))
      const isSame = JSON.stringify(meaning(a)) === JSON.stringify(meaning(b))
      expect(nameA === nameB).toBe(isSame)
    }),
    { numRuns: 100 },
  )
})

test('a hyperparameter is the number it stands for', () => {
  const rate = (learningRate: string) => nameOf(trainSource({ hyperparameters: { learningRate } }))
  expect(rate('0.00002')).toBe(rate('2e-5'))
  expect(rate('2E-5')).toBe(nameOf())
  expect(rate('3e-5')).not.toBe(nameOf())
})

test('texts that only look like numbers stay texts', () => {
  const column = (textColumn: string) => nameOf(trainSource({ dataset: { ...dataset, textColumn } }))
  expect(column('1')).not.toBe(column('1.0'))
  const commit = (revision: string) => nameOf(trainSource({ dataset: { uri: 'hf://a/data', revision } }))
  expect(commit('9999e9999')).not.toBe(commit('9998e9999'))
  expect(commit('12345678901234567890')).not.toBe(commit('12345678901234567891'))
})

test('fields that are given their default change nothing', () => {
  const explicit = trainSource({
    dataset: { ...dataset, split: 'train', textColumn: 'text', labelColumn: 'label', samples: 10_000, shuffleSeed: 42 },
    hyperparameters: { epochs: 3, learningRate: '2e-5', seed: 42, freeze: { embeddings: false, layers: 0 } },
  })
  expect(nameOf(explicit)).toBe(nameOf())
  const evaluation = { uri: 'pvc://data/test' }
  expect(nameOf({ gates: { evaluation: { dataset: { ...evaluation, split: 'test', shuffleSeed: 42 } } } })).toBe(
    nameOf({ gates: { evaluation: { dataset: evaluation } } }),
  )
})

test('how it is run, judged and served is not part of the name', () => {
  const changes = [
    { job: { gpu: 1, retries: 0, image: 'other:2', deadlines: { active: '1h' } } },
    { serving: { replicas: 3, precision: 'fp32', image: 'other:2' } },
    { gates: { minAccuracy: 0.9, minMacroF1: 0.8, mode: 'Observe', int8: { maxAccuracyDrop: 0.1 } } },
    { history: { keepVersions: 1 } },
    { storage: { claimName: 'mine' } },
    { monitoring: { serviceMonitor: 'Disabled' } },
    { baseline: { uri: 'hf://naive/model' } },
    { rollout: { steps: [{ weight: 5 }] } },
  ]
  expect(changes.map(nameOf)).toEqual(changes.map(() => nameOf()))
})

test('what is asked is part of the name', () => {
  const changes = [
    {},
    { labels: ['positive', 'negative'] },
    { labels: ['negative', 'neutral', 'positive'] },
    trainSource({ baseModel: { uri: 'hf://a/c' } }),
    trainSource({ baseModel: { uri: 'hf://a/b', revision: 'abc' } }),
    trainSource({ dataset: { uri: 'pvc://data/other' } }),
    trainSource({ dataset: { ...dataset, samples: 5 } }),
    trainSource({ dataset: { ...dataset, digest: `sha256:${'0'.repeat(64)}` } }),
    trainSource({ hyperparameters: { seed: 43 } }),
    trainSource({ hyperparameters: { freeze: { embeddings: true } } }),
    trainSource({ retrainToken: 'monday' }),
    trainSource({ retrainToken: 'tuesday' }),
    { source: { import: { uri: 'hf://a/b' } } },
    { source: { import: { uri: 'hf://a/b', maxLength: 128 } } },
    { gates: { evaluation: { dataset: { uri: 'pvc://data/test' } } } },
    { gates: { evaluation: { dataset: { uri: 'pvc://data/test', samples: 10 } } } },
  ]
  expect(new Set(changes.map(nameOf)).size).toBe(changes.length)
})

test('a hyperparameter without a default is another version than its absence', () => {
  expect(nameOf(trainSource({ hyperparameters: { dropout: '0' } }))).not.toBe(nameOf())
})

test('going back to old settings gives the old version', () => {
  const changed = nameOf(trainSource({ hyperparameters: { epochs: 4 } }))
  expect(changed).not.toBe(nameOf())
  expect(nameOf(trainSource({ hyperparameters: { epochs: 3 } }))).toBe(nameOf())
})

test('a baseline is a version of its own, apart from the import of the same checkpoint, which is judged otherwise', () => {
  const { spec } = modelOf({ baseline: { uri: 'hf://naive/model' } })
  expect(baselineVersion(MODEL, modelOf().spec)).toBeUndefined()
  expect(baselineVersion(MODEL, spec)?.spec.role).toBe('baseline')
  expect(baselineVersion(MODEL, spec)?.name).not.toBe(nameOf({ source: { import: { uri: 'hf://naive/model' } } }))
})

test('a model wants its source, its baseline and its pin', () => {
  const { spec } = modelOf({ baseline: { uri: 'hf://naive/model' }, serving: { version: `${MODEL}-0123456789` } })
  expect([...wantedVersions(MODEL, spec)]).toEqual([
    nameOf(),
    baselineVersion(MODEL, spec)?.name,
    `${MODEL}-0123456789`,
  ])
})
