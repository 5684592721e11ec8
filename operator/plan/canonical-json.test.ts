import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, shortHash } from './canonical-json.ts'

test('keys are sorted at every depth, lists keep their order, absent values are left out', () => {
  expect(canonicalJson({ b: [2, 1], a: { d: undefined, c: null } })).toBe('{"a":{"c":null},"b":[2,1]}')
})

test('it is JSON that means the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('a hash has as many digits as asked for', () => {
  expect(shortHash({ a: 1 })).toMatch(/^[0-9a-f]{10}$/)
  expect(shortHash({ a: 1 }, 16)).toMatch(/^[0-9a-f]{16}$/)
})
