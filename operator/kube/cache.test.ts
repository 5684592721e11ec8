import { describe, expect, test } from 'vitest'
import { isNewer, ObjectStore } from './cache.ts'
import type { KubeObject, Live } from './object.ts'

function object(name: string, version: number, { uid = `uid-${name}`, owner = '' } = {}): Live<KubeObject> {
  const resourceVersion = String(version)
  const ownerReferences = owner === '' ? [] : [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: owner }]
  const metadata = { namespace: 'n', name, uid, resourceVersion, creationTimestamp: '', ownerReferences }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata }
}

function setUp() {
  const store = new ObjectStore()
  const changes: string[] = []
  store.onChange(
    ({ type, object: { metadata } }) => void changes.push(`${type} ${metadata.name}@${metadata.resourceVersion}`),
  )
  const versionOf = (name: string) => store.get('n', name)?.metadata.resourceVersion
  return { store, changes, versionOf }
}

describe('ObjectStore', () => {
  test('a list replaces everything, and tells what came, changed and went', () => {
    const { store, changes } = setUp()
    store.listed([object('a', 1), object('b', 2)], '2')
    store.listed([object('b', 5), object('c', 4)], '6')
    expect(changes).toEqual(['added a@1', 'added b@2', 'deleted a@1', 'updated b@5', 'added c@4'])
  })

  test('what is told twice changes nothing', () => {
    const { store, changes } = setUp()
    store.listed([object('a', 1)], '1')
    store.applied(object('a', 1))
    store.listed([object('a', 1)], '3')
    expect(changes).toEqual(['added a@1'])
  })

  test('an object of another uid is a delete and an add', () => {
    const { store, changes } = setUp()
    store.listed([object('a', 1, { uid: 'old' })], '1')
    store.applied(object('a', 5, { uid: 'new' }))
    expect(changes).toEqual(['added a@1', 'deleted a@1', 'added a@5'])
  })

  test('an own write is shown at once, and the watch does not take it back', () => {
    const { store, changes, versionOf } = setUp()
    store.listed([object('a', 1)], '1')
    store.observeWrite(object('a', 10))
    store.applied(object('a', 7))
    expect(versionOf('a')).toBe('10')
    store.applied(object('a', 10))
    store.applied(object('a', 12))
    expect(changes).toEqual(['added a@1', 'updated a@10', 'updated a@12'])
  })

  test('a write whose answer comes after the watch told its deletion leaves no ghost', () => {
    const { store, versionOf } = setUp()
    store.listed([], '1')
    store.applied(object('a', 5))
    store.deleted(object('a', 6))
    store.observeWrite(object('a', 5))
    expect(versionOf('a')).toBeUndefined()
  })

  test('what was written after the moment of a list survives it', () => {
    const { store, versionOf } = setUp()
    store.observeWrite(object('mine', 10))
    store.listed([], '8')
    expect(versionOf('mine')).toBe('10')
    store.listed([], '11')
    expect(versionOf('mine')).toBeUndefined()
  })

  test('an own delete is not taken back by what the watch tells late, nor by a list of before', () => {
    const { store, changes, versionOf } = setUp()
    store.listed([object('a', 1)], '1')
    store.observeDelete(object('a', 1))
    store.applied(object('a', 3))
    store.listed([object('a', 3)], '3')
    expect(versionOf('a')).toBeUndefined()
    store.deleted(object('a', 4))
    store.applied(object('a', 5, { uid: 'new' }))
    expect(changes).toEqual(['added a@1', 'deleted a@1', 'added a@5'])
  })

  test('an own delete of an older object does not touch the newer one of its name', () => {
    const { store, versionOf } = setUp()
    store.listed([object('a', 5, { uid: 'new' })], '5')
    store.observeDelete(object('a', 1, { uid: 'old' }))
    expect(versionOf('a')).toBe('5')
  })

  test('a late deletion of the former object does not remove the one we created since', () => {
    const { store, versionOf } = setUp()
    store.listed([object('a', 1, { uid: 'old' })], '1')
    store.observeWrite(object('a', 9, { uid: 'new' }))
    store.deleted(object('a', 8, { uid: 'old' }))
    expect(versionOf('a')).toBe('9')
  })

  test('a server that was restored from a backup is believed', () => {
    const { store, versionOf } = setUp()
    store.listed([object('a', 100), object('b', 90)], '100')
    store.listed([object('a', 50)], '60')
    expect([versionOf('a'), versionOf('b')]).toEqual(['50', undefined])
  })

  test('indexes follow the objects', () => {
    const store = new ObjectStore({ kind: ({ kind }) => [kind] })
    store.listed([object('a', 1, { owner: 'o1' }), object('b', 1, { owner: 'o1' })], '1')
    store.applied(object('b', 2, { owner: 'o2' }))
    expect(store.ownedBy('o1').map(({ metadata }) => metadata.name)).toEqual(['a'])
    expect(store.ownedBy('o2').map(({ metadata }) => metadata.name)).toEqual(['b'])
    store.deleted(object('a', 3))
    expect(store.ownedBy('o1')).toEqual([])
    expect(store.byIndex('kind', 'ConfigMap')).toHaveLength(1)
    expect(() => store.byIndex('kond', 'x')).toThrow('there is no index kond; there are owner, kind')
  })

  test('lists by namespace, and stops telling who has gone', () => {
    const { store, changes } = setUp()
    const heard: unknown[] = []
    store.onChange((change) => heard.push(change))()
    store.listed([object('a', 1)], '1')
    expect([store.list('n').length, store.list('m').length, store.size]).toEqual([1, 0, 1])
    expect([heard.length, changes.length]).toEqual([0, 1])
  })
})

test('versions are compared as numbers, beyond what a number holds', () => {
  expect(isNewer('10', '9')).toBe(true)
  expect(isNewer('9', '10')).toBe(false)
  expect(isNewer('9', '9')).toBe(false)
  expect(isNewer('9007199254740993', '9007199254740992')).toBe(true)
})
