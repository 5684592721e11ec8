import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { comparePredictions, type Judged } from './compare-predictions.ts'

const labels = ['negative', 'neutral', 'positive']
const judged = (probabilities: number[]): Judged => ({
  label: labels[probabilities.indexOf(Math.max(...probabilities))] ?? '',
  probabilities,
})

describe('two predictions of one text', () => {
  test.each<[number[], number[], string, number]>([
    [[0.9, 0.1, 0], [0.9, 0.1, 0], 'same', 0],
    [[0.9, 0.1, 0], [0.6, 0.4, 0], 'same', 0.3],
    [[0.9, 0.1, 0], [0, 0.1, 0.9], 'negToPos', 0.9],
    [[0, 0.4, 0.6], [0, 0.6, 0.4], 'posToNeg', 0.2],
    [[1, 0, 0], [0, 0, 1], 'negToPos', 1],
  ])('%j and %j are %s, %d apart', (own, other, direction, distance) => {
    const comparison = comparePredictions(judged(own), judged(other), labels)
    expect(comparison).toEqual({ direction, distance: expect.closeTo(distance, 10) })
  })

  test('the distance is 0 to 1, and the same both ways', () => {
    const distribution = fc
      .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
      .map((weights) => weights.map((weight) => weight / weights.reduce((sum, value) => sum + value, 0)))
    fc.assert(
      fc.property(distribution, distribution, (one, two) => {
        const there = comparePredictions(judged(one), judged(two), labels)?.distance ?? NaN
        expect(there).toBeGreaterThanOrEqual(0)
        expect(there).toBeLessThanOrEqual(1)
        expect(comparePredictions(judged(two), judged(one), labels)?.distance).toBeCloseTo(there, 12)
      }),
    )
  })

  test.each<[string, Judged]>([
    ['another number of labels', { label: 'negative', probabilities: [0.9, 0.1] }],
    ['another label', { label: 'angry', probabilities: [0.9, 0.1, 0] }],
    ['labels in another order', { label: 'negative', probabilities: [0, 0.1, 0.9] }],
    ['no numbers', { label: 'negative', probabilities: [NaN, NaN, NaN] }],
  ])('are not compared where the other one speaks of %s', (_, other) => {
    expect(comparePredictions(judged([0.9, 0.1, 0]), other, labels)).toBeUndefined()
  })
})
