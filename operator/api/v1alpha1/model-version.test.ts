import { expect, test } from 'vitest'
import { evaluationSummary, trainingMetrics } from '../../../contract/termination.ts'
import { parseModelVersion } from './model-version.ts'

const digest = `sha256:${'0'.repeat(64)}`
const version = (status: object, name = 'reviews-0123456789') => ({
  apiVersion: 'valence.dev/v1alpha1',
  kind: 'ModelVersion',
  metadata: { name, namespace: 'default' },
  spec: { model: 'reviews', labels: ['negative', 'positive'], source: { import: { uri: 'pvc://data/model' } } },
  status,
})

test('what trainer and evaluator report fits into the status unchanged', () => {
  const training = trainingMetrics.parse({
    accuracy: 0.9,
    macroF1: 0.9,
    loss: 0.3,
    trainRows: 10,
    evaluationRows: 2,
    seconds: 1.5,
    samplesPerSecond: 20,
  })
  const quality = { accuracy: 0.9, macroF1: 0.9 }
  const summary = evaluationSummary.parse({
    manifestSha256: digest,
    parity: { texts: 8, tokenMismatches: 0, maxLogitDifference: 1e-6, labelAgreement: 1 },
    rows: 2,
    fp32: quality,
    int8: quality,
    int8Agreement: { labelAgreement: 0.99, maxLogitDifference: 0.2 },
  })
  const changes = { disagreements: 3, negToPos: 1, posToNeg: 2, meanDistance: 0.04, rightToWrong: 1, wrongToRight: 2 }
  const compared = {
    comparable: true,
    version: 'reviews-0123456789',
    manifestSha256: digest,
    precision: 'int8',
    rows: 2,
  }
  const againsts = [
    { ...compared, fp32: changes, int8: changes },
    { comparable: false, version: 'reviews-0123456789', reason: 'LabelsDiffer', message: 'its labels are others' },
  ]
  const golden = [{ text: 'x'.repeat(160), label: 'positive' }]
  const measuredSince = {
    int8Agreement: { ...summary.int8Agreement, maxScoreDifference: 0.08 },
    batched: { texts: 300, fp32: { maxScoreChange: 1e-7 }, int8: { maxScoreChange: 0 } },
    cost: { tokens: 27, fp32Milliseconds: 8.204, int8Milliseconds: 3.635, cpuFlags: ['avx512_vnni'] },
  }
  // The first is as the evaluator left it before it compared anything: what is on record stays valid.
  for (const more of [{}, measuredSince, { golden }, ...againsts.map((against) => ({ against, golden }))]) {
    const evaluation = { report: 'evaluation-1.json', ...evaluationSummary.parse({ ...summary, ...more }) }
    const parsed = parseModelVersion(version({ training, evaluation }))
    expect(parsed).toEqual({ ok: true, value: version({ training, evaluation }) })
    expect(evaluation).toMatchObject(more)
  }
})

test('a name that is not <model>-<10 hex> is refused', () => {
  for (const name of ['reviews-1', 'reviews-012345678g', 'other-0123456789']) {
    expect(parseModelVersion(version({}, name))).toMatchObject({
      ok: false,
      errors: [{ message: 'metadata.name must be <spec.model>-<10 hexadecimal digits>' }],
    })
  }
})

test('a wrong status names the field in the middle of a list', () => {
  const attempt = { kind: 'train', number: 0, job: 'j', inputHash: 'abc', startedAt: '2026-01-01T00:00:00Z' }
  expect(parseModelVersion(version({ attempts: [attempt] }))).toMatchObject({
    ok: false,
    errors: [{ field: 'status.attempts[0].number' }],
  })
})
