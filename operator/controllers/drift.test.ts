import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isApplied } from './drift.ts'

test('whatever was stated last is applied, in any form that JSON has', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => isApplied(value, structuredClone(value))))
})

test('fields that are not stated belong to others', () => {
  const observed = { spec: { replicas: 1, progressDeadlineSeconds: 600 }, status: { readyReplicas: 1 } }
  expect(isApplied({ spec: { replicas: 1 } }, observed)).toBe(true)
  expect(isApplied({ spec: { replicas: 1, paused: undefined } }, observed)).toBe(true)
})

test('a field that is stated and has another value, or none, is drift', () => {
  expect(isApplied({ spec: { replicas: 2 } }, { spec: { replicas: 1 } })).toBe(false)
  expect(isApplied({ spec: { replicas: 2 } }, { spec: {} })).toBe(false)
  expect(isApplied({ spec: { replicas: 2 } }, {})).toBe(false)
  expect(isApplied({ automount: false }, {})).toBe(false)
})

test('an empty object or list is as good as none', () => {
  expect(isApplied({ emptyDir: {}, env: [] }, {})).toBe(true)
  expect(isApplied({ env: [] }, { env: [{ name: 'A' }] })).toBe(false)
})

describe('a list', () => {
  const list = [{ name: 'a', port: 1 }, { name: 'b' }]
  test('is applied when each item is, in order', () => {
    expect(isApplied(list, [{ name: 'a', port: 1, protocol: 'TCP' }, { name: 'b' }])).toBe(true)
    expect(isApplied(list, [{ name: 'b' }, { name: 'a', port: 1 }])).toBe(false)
  })
  test('with an item too many or too few is drift', () => {
    expect(isApplied(list, [...list, { name: 'c' }])).toBe(false)
    expect(isApplied(list, list.slice(1))).toBe(false)
  })
})

describe('a quantity', () => {
  test.each([
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1e3', '1k'],
    [2, '2'],
    ['.5Gi', '512Mi'],
    ['1000k', '1M'],
  ])('%s is %s', (stated, stored) => {
    expect(isApplied({ cpu: stated }, { cpu: stored })).toBe(true)
  })

  test.each([
    ['1000m', '2'],
    ['1Gi', '1G'],
    ['1', ''],
    ['1', 'one'],
    ['1K', '1000'],
  ])('%s is not %s', (stated, stored) => {
    expect(isApplied({ cpu: stated }, { cpu: stored })).toBe(false)
  })
})

test('a selector is compared as a whole, because one more key selects other pods', () => {
  const desired = { spec: { selector: { app: 'a' } } }
  expect(isApplied(desired, { spec: { selector: { app: 'a' }, type: 'ClusterIP' } })).toBe(true)
  expect(isApplied(desired, { spec: { selector: { app: 'a', tier: 'b' } } })).toBe(false)
})
