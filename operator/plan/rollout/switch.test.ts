import { expect, test } from 'vitest'
import { acceptedStatus, modelOf, servingOf, trainSource, versionOf } from '../testing/factories.ts'
import { planSwitch, type SwitchInput } from './switch.ts'

const [old, next] = [{}, trainSource({ hyperparameters: { epochs: 4 } })].map((change) =>
  versionOf(modelOf(change), acceptedStatus()),
) as [ReturnType<typeof versionOf>, ReturnType<typeof versionOf>]
const [a, b] = [old.metadata.name, next.metadata.name]
const plan = (change: Partial<SwitchInput> = {}) =>
  planSwitch({ stable: a, desired: b, pin: undefined, versions: [old, next], serving: [servingOf(a)], ...change })

test('a version that is accepted is the candidate until it is fully ready', () => {
  expect(plan()).toEqual({ stable: a, candidate: b, promotion: undefined, blocked: undefined })
  const serving = [servingOf(a), servingOf(b, { isFullyReady: false, replicas: 3, readyReplicas: 2 })]
  expect(plan({ serving }).candidate).toBe(b)
})

test('a version that is fully ready takes the traffic', () => {
  expect(plan({ serving: [servingOf(a), servingOf(b)] })).toEqual({
    stable: b,
    candidate: undefined,
    promotion: { version: b, from: a, reason: 'NewVersion' },
    blocked: undefined,
  })
})

test('the first version has nothing before it', () => {
  expect(plan({ stable: undefined, serving: [servingOf(b)] }).promotion).toEqual({
    version: b,
    from: undefined,
    reason: 'FirstVersion',
  })
})

test('an accepted version without an artifact is no candidate: there would be no digest to pin', () => {
  const { artifact: _artifact, ...status } = acceptedStatus()
  expect(plan({ versions: [old, { ...next, status }] }).candidate).toBeUndefined()
})

test('a stable version that is not ready is not left for a candidate that is not ready either', () => {
  expect(plan({ serving: [servingOf(a, { isFullyReady: false, readyReplicas: 0 })] }).stable).toBe(a)
})

test('stable stays, though its ModelVersion is gone', () => {
  expect(plan({ desired: a, versions: [] })).toMatchObject({ stable: a, candidate: undefined })
})
