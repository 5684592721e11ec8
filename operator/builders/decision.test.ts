import { describe, expect, test } from 'vitest'
import { DECISION_FILE, decision, type Decision } from '../../contract/decision.ts'
import { DIGEST, modelOf } from '../plan/testing/factories.ts'
import { buildDecision, nextNumber, readDecisions } from './decision.ts'

const recordOf = (number: number): Decision => ({
  schemaVersion: 1,
  number,
  kind: 'Hold',
  reason: 'DeadlineExceeded',
  message: 'not decided',
  time: '2030-01-01T00:00:00Z',
  model: 'reviews',
  namespace: 'shop',
  candidate: { version: 'reviews-b', digest: DIGEST },
  stable: { version: 'reviews-a', digest: DIGEST },
  startedAt: '2030-01-01T00:00:00Z',
  weight: { wanted: 5 },
  windows: [],
  failures: {},
  thresholds: { minRequests: 1, maxFailureRatio: 2, tolerableFailureRate: 0.01, alphaHarm: 0.01, alphaOk: 0.05 },
  operator: '1.0.0',
})

const built = (number: number) => buildDecision(modelOf(), recordOf(number))

test('a decision is an immutable ConfigMap that belongs to the model, found by label', () => {
  const { metadata, immutable, data } = built(7)
  expect(immutable).toBe(true)
  expect(metadata).toMatchObject({
    name: 'reviews-decision-7',
    namespace: 'shop',
    labels: {
      'app.kubernetes.io/managed-by': 'valence',
      'app.kubernetes.io/component': 'decision',
      'valence.dev/model': 'reviews',
      'valence.dev/decision': 'Hold',
    },
    ownerReferences: [{ kind: 'SentimentModel', name: 'reviews', uid: 'model-uid' }],
  })
  expect(decision.parse(JSON.parse(data?.[DECISION_FILE] ?? ''))).toEqual(recordOf(7))
})

describe('what is read back', () => {
  test('is in the order of the numbers, not of the names, with the text that is hashed', () => {
    const found = readDecisions([built(10), built(9), built(2)])
    expect(found.map(({ name }) => name)).toEqual(['reviews-decision-2', 'reviews-decision-9', 'reviews-decision-10'])
    expect(found[0]?.text).toBe(built(2).data?.[DECISION_FILE])
  })

  test('is not what is no decision: no file, no label, no JSON, another schema', () => {
    const { metadata, data } = built(1)
    const text = data?.[DECISION_FILE] ?? ''
    const { 'valence.dev/decision': _decision, ...labels } = metadata.labels ?? {}
    expect(
      readDecisions([
        { metadata },
        { metadata, data: { 'other.json': text } },
        { metadata: { ...metadata, labels }, data },
        { metadata, data: { [DECISION_FILE]: '{' } },
        { metadata, data: { [DECISION_FILE]: text.replace('"schemaVersion": 1', '"schemaVersion": 2') } },
        { metadata, data: { [DECISION_FILE]: text.replace('"number": 1', '"number": 0') } },
        { metadata, data: { [DECISION_FILE]: text.replace('"number": 1', '"number": 1, "more": true') } },
      ] as Parameters<typeof readDecisions>[0]),
    ).toEqual([])
  })
})

test('the next number is beyond every name that is taken, read or not', () => {
  const named = (name: string) => ({ metadata: { name, namespace: 'shop' } })
  expect(nextNumber('reviews', [])).toBe(1)
  expect(nextNumber('reviews', [built(9), built(10), named('reviews-routing'), named('reviews-decision-x')])).toBe(11)
  expect(nextNumber('reviews', [named('reviews-decision-4'), named('other-decision-8')])).toBe(5)
})
