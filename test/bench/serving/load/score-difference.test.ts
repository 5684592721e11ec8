import { expect, test } from 'vitest'
import { scoreDifference } from './score-difference.ts'

test('scores of the same label are compared as they are', () => {
  expect(scoreDifference({ label: 'positive', score: 0.9 }, { label: 'positive', score: 0.85 })).toBeCloseTo(0.05)
})

test('scores of two labels are compared as probabilities of one', () => {
  expect(scoreDifference({ label: 'positive', score: 0.6 }, { label: 'negative', score: 0.7 })).toBeCloseTo(0.3)
  expect(scoreDifference({ label: 'positive', score: 0.51 }, { label: 'negative', score: 0.51 })).toBeCloseTo(0.02)
})
