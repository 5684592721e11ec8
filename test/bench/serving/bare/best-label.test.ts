import { expect, test } from 'vitest'
import { bestLabel } from './best-label.ts'

test('the probability is that of the softmax, also of logits whose exponentials overflow', () => {
  expect(bestLabel([0, Math.log(3)], ['negative', 'positive']).score).toBeCloseTo(0.75)
  expect(bestLabel([2000, 1000], ['negative', 'positive'])).toEqual({ label: 'negative', score: 1 })
})
