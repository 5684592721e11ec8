import fc from 'fast-check'
import { expect, test } from 'vitest'
import { argmax, softmax } from './softmax.ts'

test('the examples of the formula', () => {
  expect(softmax([2, 0])[0]).toBeCloseTo(0.8808, 4)
  expect(softmax([0, 0, 0])).toEqual([1 / 3, 1 / 3, 1 / 3])
})

test('logits beyond what exp can hold neither overflow nor vanish', () => {
  expect(softmax([1000, 0])).toEqual([1, 0])
  expect(softmax([-1000, -1000])).toEqual([0.5, 0.5])
  // Subtracting the largest absolute logit would give 0 / 0 here.
  expect(softmax([-2000, 0])).toEqual([0, 1])
})

test('probabilities add up to one, and the largest belongs to the largest logit', () => {
  const logits = fc.array(fc.float({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(logits, (values) => {
      const probabilities = softmax(values)
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 9)
      expect(probabilities[argmax(values)]).toBe(Math.max(...probabilities))
    }),
  )
})

test('of equal logits the first wins', () => {
  expect(argmax([1, 3, 3])).toBe(1)
})
