import { expect, test } from 'vitest'
import { agreement } from './agreement.ts'

const judged = (id: string, ...logits: number[]) => ({ id, text: `text ${id}`, logits })
const LABELS = ['negative', 'positive']

test('equal logits agree entirely', () => {
  const rows = [judged('a', 1, 0), judged('b', 0, 1)]
  expect(agreement(rows, rows, LABELS)).toMatchObject({ labelAgreement: 1, maxLogitDifference: 0 })
})

test('the worst disagreements come first, ten of them', () => {
  const fp32 = Array.from({ length: 20 }, (_, index) => judged(String(index), 0, 1))
  const int8 = Array.from({ length: 20 }, (_, index) => judged(String(index), index / 10, 1))
  const { labelAgreement, maxLogitDifference, maxScoreDifference, worst } = agreement(fp32, int8, LABELS)
  expect(maxLogitDifference).toBeCloseTo(1.9, 12)
  // softmax([0, 1]) is [0.269, 0.731], softmax([1.9, 1]) is [0.711, 0.289].
  expect(maxScoreDifference).toBeCloseTo(0.442, 3)
  // Rows 0 to 9 keep their label; at 10 the logits are equal, and the first label wins.
  expect(labelAgreement).toBe(0.5)
  expect(worst.map(({ id }) => id)).toEqual(['19', '18', '17', '16', '15', '14', '13', '12', '11', '10'])
  expect(worst[0]).toMatchObject({ text: 'text 19', fp32: { label: 'positive' }, int8: { label: 'negative' } })
})
