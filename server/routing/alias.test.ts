import { expect, test } from 'vitest'
import { routing } from '../../contract/routing.ts'
import { resolveAlias } from './alias.ts'

const file = routing.parse({ epoch: 1, stable: 'v2', baseline: 'v0', endpoints: { v2: 'http://v2', v0: 'http://v0' } })

test('without a routing file the own version is the trained one, and there is no baseline', () => {
  expect(resolveAlias('trained', undefined, 'v1')).toEqual({ kind: 'own' })
  expect(resolveAlias('naive', undefined, 'v1')).toEqual({ kind: 'undeclared' })
})

test('as long as the routing file was never read no alias is known', () => {
  expect(resolveAlias('trained', 'unread', 'v1')).toEqual({ kind: 'unknown' })
  expect(resolveAlias('naive', 'unread', 'v1')).toEqual({ kind: 'unknown' })
})

test('an alias of the own version is answered here, any other at its endpoint', () => {
  expect(resolveAlias('trained', file, 'v2')).toEqual({ kind: 'own' })
  expect(resolveAlias('trained', file, 'v1')).toEqual({ kind: 'other', version: 'v2', url: 'http://v2' })
  expect(resolveAlias('naive', file, 'v0')).toEqual({ kind: 'own' })
  expect(resolveAlias('naive', file, 'v2')).toEqual({ kind: 'other', version: 'v0', url: 'http://v0' })
})

test('a version without an endpoint is unreachable, also one named like a property of every object', () => {
  const { baseline: _baseline, ...rest } = file
  expect(resolveAlias('trained', { ...rest, stable: 'v9' }, 'v1')).toEqual({ kind: 'unreachable', version: 'v9' })
  expect(resolveAlias('trained', { ...rest, stable: 'constructor' }, 'v1').kind).toBe('unreachable')
  expect(resolveAlias('naive', rest, 'v1')).toEqual({ kind: 'undeclared' })
})
