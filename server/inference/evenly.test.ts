import fc from 'fast-check'
import { expect, test } from 'vitest'
import { evenly } from './evenly.ts'

test('the chosen are spread over all items', () => {
  expect(evenly(['a', 'b', 'c', 'd'], 2)).toEqual(['a', 'c'])
  expect(evenly(['a', 'b'], 3)).toEqual(['a', 'b'])
})

test('as many are chosen as were asked for, in order, each once', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.integer({ min: 1, max: 500 }), (length, count) => {
      const items = Array.from({ length }, (_, index) => index)
      const chosen = evenly(items, count)
      expect(chosen).toHaveLength(Math.min(length, count))
      expect(chosen).toEqual([...new Set(chosen)].sort((a, b) => a - b))
    }),
  )
})
