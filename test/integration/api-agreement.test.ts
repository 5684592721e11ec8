/** The CRD and the zod schema come from one source; this proves on the real API server that they say the same. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseModelVersion } from '../../operator/api/v1alpha1/model-version.ts'
import { parseSentimentModel } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { connect, type ApiConnection } from './support/custom-resources.ts'

const namespace = 'api-agreement'
const RUNS = 300

let api: ApiConnection
beforeAll(async () => {
  api = await connect()
  await api.installCrds()
  await api.createNamespace(namespace)
})
afterAll(() => api.close())

/** Almost always what is right, so that of all objects many have no fault and most others have one. */
const likely = (right: fc.Arbitrary<unknown>, ...wrong: unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 100, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(...wrong) })
/** The same of objects, where what is wrong is a combination. */
const mostly = (right: fc.Arbitrary<unknown>, wrong: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 15, arbitrary: right }, { weight: 1, arbitrary: wrong })
const one = (...values: unknown[]) => fc.constantFrom(...values)
/** An object some of whose optional fields are there. */
const some = (required: Record<string, fc.Arbitrary<unknown>>, optional: Record<string, fc.Arbitrary<unknown>> = {}) =>
  fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required), noNullPrototype: true })

const duration = likely(one('90s', '30m', '6h', '1h30m', '1h0m5s'), '', '0s', '6', '6x', '1m1h', '-1h', '1.5h', 6)
const quantity = likely(
  one('500m', 2, '2', '4Gi', '1.5', '.5', '1.', '+1', 0, '0'),
  '',
  '-1',
  -1,
  '1 Gi',
  '4gi',
  'x',
  '1e',
  '1e3',
  1.5,
)
const size = likely(one('10Gi', '500M', '1.5Ti'), '', '0', '-1Gi', '10 Gi', 'big', 10)
const decimal = (...right: string[]) => likely(one(...right), '', 'x', '-1', '2', '1e', '.', '1e400', 0.5)
const text = likely(one('text', 'a b', 'ü', '評価'), '', 7)
const hub = one('hf://a/b', 'hf://stanfordnlp/imdb')
const uri = likely(
  fc.oneof(hub, one('pvc://claim/path/to', 'file:///data/x.tsv')),
  ...[
    'hf://a',
    'hf://a/b/c',
    'hf://a/b/c/d',
    'pvc://claim',
    'pvc://claim/',
    'pvc://claim/../x',
    'file://x',
    's3://b/k',
    '',
    'pvc://Claim/x',
  ],
)
const revision = likely(one('main', '714eb0fa89d2f80546fda750413ed43d93601a13', 'refs/pr/1'), '', '-x', 'a b')
const name = likely(one('a', 'my-claim', 'a.b-c'), '', 'A', '-a', 'a..b', 'a_b')
const count = likely(fc.integer({ min: 1, max: 5 }), 0, -1, 1.5, '1', 100_000_000_000)
const ratio = likely(one(0, 0.5, 0.995, 1), -0.1, 1.1, '0.5')
const labels = likely(
  fc.uniqueArray(one('negative', 'neutral', 'positive', 'très bon', 'a b'), { minLength: 2, maxLength: 4 }),
  ...[
    ['a'],
    [],
    ['a', 'a'],
    ['a', ' b'],
    ['a', 'b\t'],
    ['a', ''],
    ['a', 'x'.repeat(64)],
    ['a', 1],
    'ab',
    ['a', '\u00a0b'],
    ['\ufeffa', 'b'],
  ],
)
/** Something at a place; a revision belongs to the Hub. */
const located = (optional: Record<string, fc.Arbitrary<unknown>>) =>
  mostly(fc.oneof(some({ uri }, optional), some({ uri: hub, revision }, optional)), some({ uri, revision }, optional))
const dataset = located({
  split: text,
  textColumn: text,
  labelColumn: text,
  samples: count,
  shuffleSeed: likely(one(0, 42), -1, 2 ** 31),
  digest: likely(one(`sha256:${'a'.repeat(64)}`), 'sha256:a', `sha256:${'A'.repeat(64)}`),
})
const finished = located({ maxLength: likely(one(8, 512), 7, 10_000) })
const hyperparameters = some(
  {},
  {
    epochs: count,
    batchSize: count,
    learningRate: decimal('2e-5', '1', '.001', '1.E-3'),
    headLearningRate: decimal('1e-3'),
    weightDecay: decimal('0', '0.01', '1'),
    warmupRatio: decimal('0', '0.1', '0.999'),
    schedule: likely(one('linear', 'constant'), 'cosine'),
    dropout: decimal('0', '0.5'),
    maxGradNorm: decimal('1.0', '0.5'),
    maxLength: likely(one(8, 512), 7),
    seed: likely(one(0, 42), -1),
    precision: likely(one('auto', 'fp32', 'bf16'), 'fp16'),
    freeze: some({}, { embeddings: likely(fc.boolean(), 'yes'), layers: likely(one(0, 2), -1) }),
    holdoutRatio: decimal('0.1', '0.5'),
  },
)
const train = some({ baseModel: located({}), dataset }, { hyperparameters, retrainToken: likely(one('again'), '') })
const source = mostly(fc.oneof(some({ train }), some({ import: finished })), some({}, { train, import: finished }))
const resources = some(
  {},
  {
    requests: some({}, { cpu: quantity, memory: quantity }),
    limits: some({}, { memory: quantity, 'example.com/x': quantity }),
  },
)
const goal = mostly(
  one({ type: 'Utilization', averageUtilization: 70 }, { type: 'AverageValue', averageValue: '2k' }),
  some(
    { type: one('Utilization', 'Value', 'AverageValue') },
    { averageUtilization: one(50, 0), averageValue: size, value: size },
  ),
)
const ofPods = some({ metric: some({ name: likely(one('tokens'), '') }), target: goal })
const metric = mostly(
  fc.oneof(
    some({ type: one('Pods'), pods: ofPods }),
    some({ type: one('External'), external: ofPods }),
    some({ type: one('Resource'), resource: some({ name: one('cpu'), target: goal }) }),
  ),
  some({ type: one('Pods', 'Object', 'Other') }, { pods: ofPods, external: ofPods }),
)
const autoscaling = some(
  { maxReplicas: likely(one(3, 10, 1000), 0, 1001) },
  {
    minReplicas: likely(one(1, 3), 0, 11),
    metrics: fc.array(metric, { minLength: 1, maxLength: 2 }),
    behavior: some(
      {},
      {
        scaleDown: some({}, { stabilizationWindowSeconds: likely(one(0, 600), 3601), selectPolicy: one('Min') }),
        scaleUp: some({}, { policies: one([{ type: 'Pods', value: 2, periodSeconds: 15 }]) }),
      },
    ),
  },
)
const effect = likely(one('NoSchedule', 'PreferNoSchedule'), 'No')
const tolerationSeconds = likely(one(0, 60), -1)
const key = likely(one('gpu', 'nvidia.com/gpu'), '')
const toleration = mostly(
  one(
    { operator: 'Exists' },
    { key: 'gpu', value: 'a' },
    { key: 'gpu', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
  ),
  some({}, { key, operator: likely(one('Exists', 'Equal'), 'Maybe'), value: one('a', ''), effect, tolerationSeconds }),
)
const tolerations = fc.array(toleration, { maxLength: 2 })
const nodeSelector = likely(
  one({}, { 'kubernetes.io/arch': 'amd64' }, { gpu: '' }),
  { 'a b': 'c' },
  { a: '-' },
  { '': 'a' },
)
const image = likely(one('repo/image:1', 'repo/image@sha256:0'), '', 'a b')
const spec = some(
  { labels, source },
  {
    job: some(
      {},
      {
        image,
        gpu: likely(one(0, 1, 8), -1, 65, 0.5),
        resources,
        nodeSelector,
        tolerations,
        runtimeClassName: name,
        priorityClassName: name,
        tokenSecretRef: some({ name }, { key: likely(one('token', '.t'), '', 'a b') }),
        hubEndpoint: likely(
          one('https://hub.example', 'http://[::1]:80/x', 'http://h:1'),
          'hub',
          'ftp://h',
          'http:// h',
        ),
        deadlines: some({}, { pending: duration, active: duration }),
        retries: likely(one(0, 3, 10), 11),
      },
    ),
    baseline: finished,
    storage: mostly(
      fc.oneof(
        some({ claimName: name }),
        some({ size }, { storageClassName: name, accessModes: one(['ReadWriteMany']) }),
      ),
      some({}, { claimName: name, size, storageClassName: name, accessModes: one([], ['Read'], ['ReadWriteOnce']) }),
    ),
    gates: some(
      {},
      {
        evaluation: some({ dataset }),
        minAccuracy: ratio,
        minMacroF1: ratio,
        parity: some({}, { maxLogitDifference: ratio, minLabelAgreement: ratio, maxBatchScoreChange: ratio }),
        int8: some(
          {},
          { minLabelAgreement: ratio, maxAccuracyDrop: ratio, maxScoreChange: ratio, maxBatchScoreChange: ratio },
        ),
        mode: likely(one('Enforce', 'Observe'), 'enforce'),
      },
    ),
    serving: some(
      {},
      {
        version: likely(one('reviews-0123456789'), 'other-0123456789', 'reviews', 'reviews-012345678G'),
        replicas: likely(one(0, 1, 1000), -1, 1001),
        autoscaling,
        precision: likely(one('auto', 'int8', 'fp32'), 'int4'),
        image,
        resources,
        nodeSelector,
        tolerations,
      },
    ),
    rollout: some(
      {},
      {
        steps: mostly(
          fc
            .uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 5 })
            .map((tenths) => tenths.sort((a, b) => a - b).map((weight) => ({ weight: weight / 10 }))),
          fc.array(some({ weight: one(0, -1, 100.1, 0.25, '5', 5, 25, 99.9) }), { maxLength: 3 }),
        ),
      },
    ),
    history: some({}, { keepVersions: likely(one(1, 50), 0, 51) }),
    monitoring: some({}, { serviceMonitor: likely(one('Auto', 'Enabled', 'Disabled'), 'On') }),
    unknown: likely(one({}), {}),
  },
)
// `unknown` would be in half of the objects: it is in few.
const specs = fc
  .tuple(spec, fc.integer({ max: 19, min: 0 }))
  .map(([{ unknown, ...rest }, dice]) => (dice === 0 && unknown !== undefined ? { ...rest, unknown } : rest))
const shortest = { baseModel: { uri: 'hf://a/b' }, dataset: { uri: 'hf://a/b' } }
const apiVersion = 'valence.dev/v1alpha1'

async function verdicts(
  plural: string,
  parse: typeof parseSentimentModel | typeof parseModelVersion,
  object: { metadata: object },
) {
  const { status, body } = await api.create(namespace, plural, object, true)
  expect([201, 400, 422], JSON.stringify(body)).toContain(status)
  const parsed = parse({ ...object, metadata: { ...object.metadata, namespace } })
  return {
    server: status === 201 ? { accepted: body['spec'] } : { refused: body.message },
    operator: parsed.ok ? { accepted: parsed.value.spec as unknown } : { refused: JSON.stringify(parsed.errors) },
  }
}

test(
  'the API server and the operator accept and refuse the same models, with the same defaults',
  { timeout: 300_000 },
  async () => {
    const seen = { accepted: 0, refused: 0 }
    const name = likely(one('reviews'), 'Reviews', '1reviews', 'reviews.', 'a'.repeat(41))
    await fc.assert(
      fc.asyncProperty(name, specs, async (name, spec) => {
        const object = { apiVersion, kind: 'SentimentModel', metadata: { name }, spec }
        const { server, operator } = await verdicts('sentimentmodels', parseSentimentModel, object)
        expect(Object.keys(operator), JSON.stringify([server, operator])).toEqual(Object.keys(server))
        if ('accepted' in server) expect(operator.accepted).toEqual(server.accepted)
        seen['accepted' in server ? 'accepted' : 'refused']++
      }),
      { numRuns: RUNS },
    )
    // The proof is worth something only if both were tried.
    expect(Math.min(seen.accepted, seen.refused), JSON.stringify(seen)).toBeGreaterThan(RUNS / 10)
  },
)

test(
  'the API server and the operator accept and refuse the same versions, with the same defaults',
  { timeout: 300_000 },
  async () => {
    const versionSpecs = some(
      { model: likely(one('reviews'), '', 'other'), labels, source },
      { evaluation: some({ dataset }) },
    )
    await fc.assert(
      fc.asyncProperty(likely(one('reviews-0123456789'), 'reviews', 'reviews-x'), versionSpecs, async (name, spec) => {
        const object = { apiVersion, kind: 'ModelVersion', metadata: { name }, spec }
        const { server, operator } = await verdicts('modelversions', parseModelVersion, object)
        expect(Object.keys(operator), JSON.stringify([server, operator])).toEqual(Object.keys(server))
        if ('accepted' in server) expect(operator.accepted).toEqual(server.accepted)
      }),
      { numRuns: RUNS },
    )
  },
)

test(
  'the API server and the operator read the same quantities, durations, decimals, places and names',
  { timeout: 300_000 },
  async () => {
    const written = (unit: string) =>
      fc.string({ unit: fc.constantFrom(...Array.from(unit)), minLength: 1, maxLength: 6 })
    const anyone = written('019.eEkKMGiumn+- ')
    const texts = fc.oneof(
      anyone.map((cpu) => ({ job: { resources: { limits: { cpu } } } })),
      anyone.map((size) => ({ storage: { size } })),
      written('016hms. ').map((active) => ({ job: { deadlines: { active } } })),
      written('012.eE+-').map((dropout) => ({ source: { train: { ...shortest, hyperparameters: { dropout } } } })),
      written('aZ0/.:@ _-').map((path) => ({ baseline: { uri: `pvc://c${path}` } })),
      written('aZ0/._ -').map((path) => ({ baseline: { uri: `hf://o${path}` } })),
      written('aZ0._-').map((claimName) => ({ storage: { claimName } })),
      written('ab \u00a0\t\n\ufeff').map((label) => ({ labels: ['c', label] })),
    )
    await fc.assert(
      fc.asyncProperty(texts, async (changed) => {
        const spec = { labels: ['negative', 'positive'], source: { train: shortest }, ...changed }
        const object = { apiVersion, kind: 'SentimentModel', metadata: { name: 'reviews' }, spec }
        const { server, operator } = await verdicts('sentimentmodels', parseSentimentModel, object)
        expect(Object.keys(operator), JSON.stringify([server, operator])).toEqual(Object.keys(server))
      }),
      { numRuns: RUNS },
    )
  },
)
