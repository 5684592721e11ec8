import { expect, test } from 'vitest'
import { quality } from './quality.ts'

test('the example of the formula', () => {
  const measured = quality([0, 0, 1, 1], [0, 1, 1, 1], ['negative', 'positive'])
  expect(measured).toMatchObject({
    rows: 4,
    accuracy: 0.75,
    confusion: [
      [1, 1],
      [0, 2],
    ],
  })
  expect(measured.macroF1).toBeCloseTo((2 / 3 + 4 / 5) / 2, 12)
  expect(measured.perLabel[1]).toMatchObject({ label: 'positive', precision: 2 / 3, recall: 1, support: 2 })
})

test('a label that never occurs has no part in the average', () => {
  expect(quality([0, 1], [0, 1], ['a', 'b', 'c']).macroF1).toBe(1)
})

test('a label that is only predicted counts as a failure', () => {
  // scikit-learn: f1_score([0, 0], [0, 1], average="macro") = (2/3 + 0) / 2
  expect(quality([0, 0], [0, 1], ['a', 'b']).macroF1).toBeCloseTo(1 / 3, 12)
})

test('a model of one answer is half right by accuracy and less by F1', () => {
  const measured = quality([0, 1], [1, 1], ['a', 'b'])
  expect(measured.accuracy).toBe(0.5)
  expect(measured.macroF1).toBeCloseTo(1 / 3, 12)
})

test('nothing to measure is an error, not a figure', () => {
  expect(() => quality([], [], ['a', 'b'])).toThrow(RangeError)
  expect(() => quality([0], [0, 1], ['a', 'b'])).toThrow(RangeError)
  expect(() => quality([2], [0], ['a', 'b'])).toThrow(RangeError)
})
