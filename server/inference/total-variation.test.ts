import fc from 'fast-check'
import { expect, test } from 'vitest'
import { softmax } from './softmax.ts'
import { totalVariation } from './total-variation.ts'

test('the example of the formula', () => {
  expect(totalVariation([0.9, 0.1], [0.6, 0.4])).toBeCloseTo(0.3, 12)
  expect(totalVariation([1, 0], [0, 1])).toBe(1)
  expect(totalVariation([0.2, 0.3, 0.5], [0.2, 0.3, 0.5])).toBe(0)
})

test('it is a distance between 0 and 1, whatever the logits', () => {
  const logits = fc.array(fc.float({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 3, maxLength: 3 }).map(softmax)
  fc.assert(
    fc.property(logits, logits, (p, q) => {
      const distance = totalVariation(p, q)
      expect(distance).toBeGreaterThanOrEqual(0)
      expect(distance).toBeLessThanOrEqual(1)
      expect(totalVariation(q, p)).toBe(distance)
    }),
  )
})

test('answers about other numbers of labels are an error, not a figure', () => {
  expect(() => totalVariation([1, 0], [1, 0, 0])).toThrow(RangeError)
})
