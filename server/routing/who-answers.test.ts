import { describe, expect, test } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import { routing, type Routing } from '../../contract/routing.ts'
import { whoAnswers, type Asked, type KnownRouting, type Target } from './who-answers.ts'

const endpoints = { old: 'http://old:8000', new: 'http://new:8000', naive: 'http://naive:8000' }
const file = (more: Partial<Routing> = {}): Routing => ({
  ...routing.parse({ epoch: 1, stable: 'old', candidate: 'new', baseline: 'naive', endpoints }),
  ...more,
})
const toCandidate = file({ perMille: 1000 })

const ask = (own: string, known: KnownRouting, headers: Asked['headers'] = {}, target?: Target) =>
  whoAnswers({ requestId: 'r-1', headers, target }, known, own)
const other = (version: keyof typeof endpoints, chosenBy: 'split' | 'name') => ({
  kind: 'other',
  chosenBy,
  version,
  url: endpoints[version],
})
const own = (chosenBy: string) => ({ kind: 'own', chosenBy })
const nobody = (code: string, message: RegExp) => ({ kind: 'nobody', code, message: expect.stringMatching(message) })

describe('a request that names nothing', () => {
  test.each<[string, string, KnownRouting, object]>([
    ['without a routing file the pod itself', 'old', undefined, own('nothing')],
    ['before the routing file was read the pod itself', 'old', 'unread', own('nothing')],
    ['of stable, in a stable pod, the pod itself', 'old', file(), own('split')],
    ['of the candidate, in a stable pod, the candidate', 'old', toCandidate, other('new', 'split')],
    ['of the candidate, in its own pod, the pod itself', 'new', toCandidate, own('split')],
    ['of stable, in a pod of the candidate, stable', 'new', file(), other('old', 'split')],
    ['in a pod that is on its way out, stable', 'older', file(), other('old', 'split')],
    ['in a pod of the baseline the pod itself', 'naive', toCandidate, own('nothing')],
  ])('is answered by: %s', (_, version, known, expected) => {
    expect(ask(version, known)).toEqual(expected)
  })

  test('falls to a version also where the file does not say where it is', () => {
    expect(ask('old', file({ perMille: 1000, endpoints: {} }))).toEqual({ ...other('new', 'split'), url: undefined })
    const named = file({ stable: 'constructor', endpoints: {} })
    expect(ask('old', named)).toMatchObject({ version: 'constructor', url: undefined })
  })

  test('is answered here if another pod has passed it on, whatever the file says', () => {
    expect(ask('old', toCandidate, { [HEADERS.forwarded]: 'new' })).toEqual(own('nothing'))
    expect(ask('older', file(), { [HEADERS.forwarded]: 'old' })).toEqual(own('nothing'))
  })
})

describe('a request that names a version', () => {
  const header = (version: string) => ({ [HEADERS.modelVersion]: version })

  test.each<[string, Asked['headers'], Target | undefined]>([
    ['by the header', header('new'), undefined],
    ['by the path', {}, { version: 'new' }],
    ['by the path, which outweighs the header', header('old'), { version: 'new' }],
    ['by the header, which outweighs the host', { ...header('new'), host: 'old.default.svc:8000' }, undefined],
  ])('%s is answered by that version', (_, headers, target) => {
    expect(ask('old', file(), headers, target)).toEqual(other('new', 'name'))
    expect(ask('naive', file(), headers, target)).toEqual(other('new', 'name'))
    expect(ask('new', file(), headers, target)).toEqual(own('name'))
    expect(ask('new', undefined, headers, target)).toEqual(own('name'))
    expect(ask('new', 'unread', headers, target)).toEqual(own('name'))
    expect(ask('old', 'unread', headers, target)).toEqual(nobody('RoutingUnknown', /routing file/))
  })

  test.each(['old', 'old:8000', 'old.default', 'OLD.default.svc.cluster.local:8000'])(
    "by the host of its own version's Service (%s) is answered by the pod itself",
    (host) => {
      expect(ask('old', toCandidate, { host })).toEqual(own('name'))
    },
  )

  test.each(['', 'reviews:8000', '10.0.0.7:8000', '[::1]:8000', 'localhost', 'older', 'new.default.svc'])(
    'is none where the host is "%s"',
    (host) => {
      expect(ask('old', toCandidate, { host })).toEqual(other('new', 'split'))
    },
  )

  test('an empty header names none', () => {
    expect(ask('old', toCandidate, header(''))).toEqual(other('new', 'split'))
  })

  test.each(['gone', 'constructor', 'new, old'])('that is not there ("%s") is told which there are', (version) => {
    expect(ask('old', file(), header(version))).toEqual(nobody('VersionNotFound', /; there is naive, new, old$/))
    expect(ask('old', undefined, header(version))).toEqual(nobody('VersionNotFound', /; there is old$/))
  })

  test('is not passed on twice', () => {
    const headers = { ...header('new'), [HEADERS.forwarded]: 'new' }
    expect(ask('old', file(), headers)).toEqual(nobody('VersionNotFound', /this pod serves old, not new/))
    expect(ask('new', file(), headers)).toEqual(own('nothing'))
    expect(ask('old', file(), { ...headers, ...header('gone') })).toEqual(nobody('VersionNotFound', /"gone"/))
  })
})

describe('an alias', () => {
  const trained: Target = { alias: 'trained' }
  const naive: Target = { alias: 'naive' }

  test('without a routing file: the own version is the trained one, and there is no baseline', () => {
    expect(ask('old', undefined, {}, trained)).toEqual(own('name'))
    expect(ask('old', undefined, {}, naive)).toEqual(nobody('BaselineNotDeclared', /spec\.baseline/))
  })

  test('is not known as long as the routing file was never read', () => {
    for (const target of [trained, naive]) {
      expect(ask('old', 'unread', {}, target)).toEqual(nobody('RoutingUnknown', /routing file/))
    }
  })

  test('of the own version is answered here, any other by its version, whatever the share of the candidate', () => {
    expect(ask('old', toCandidate, {}, trained)).toEqual(own('name'))
    expect(ask('new', toCandidate, {}, trained)).toEqual(other('old', 'name'))
    expect(ask('naive', toCandidate, {}, naive)).toEqual(own('name'))
    expect(ask('old', toCandidate, {}, naive)).toEqual(other('naive', 'name'))
  })

  test('of a version whose address is not known stays that version', () => {
    expect(ask('new', file({ endpoints: {} }), {}, trained)).toEqual({ ...other('old', 'name'), url: undefined })
    const { baseline: _baseline, ...rest } = file()
    expect(ask('old', rest, {}, naive)).toEqual(nobody('BaselineNotDeclared', /spec\.baseline/))
  })

  test('is not passed on twice', () => {
    expect(ask('new', file(), { [HEADERS.forwarded]: 'old' }, trained)).toEqual(nobody('VersionNotFound', /serves new/))
  })
})
