import { expect, test } from 'vitest'
import { scoreChanges } from './score-changes.ts'

const judged = (id: string, ...logits: number[]) => ({ id, text: `text ${id}`, logits })
const LABELS = ['negative', 'positive']

test('the same logits are no change', () => {
  const rows = [judged('a', 1, 0), judged('b', 0, 1)]
  const { maxScoreDifference, changes } = scoreChanges(rows, rows, LABELS)
  expect(maxScoreDifference).toBe(0)
  expect(changes).toHaveLength(2)
})

test('the largest change of a probability comes first, with both answers', () => {
  const { maxScoreDifference, changes } = scoreChanges(
    [judged('small', 0, 0), judged('large', 0, Math.log(3))],
    [judged('small', 0, 0.01), judged('large', 0, -Math.log(3))],
    LABELS,
  )
  expect(maxScoreDifference).toBeCloseTo(0.5, 12)
  expect(changes.map(({ id }) => id)).toEqual(['large', 'small'])
  expect(changes[0]).toMatchObject({ text: 'text large', from: { label: 'positive' }, to: { label: 'negative' } })
})

test('logits that only move together are no change of a score', () => {
  expect(scoreChanges([judged('a', 1, 2)], [judged('a', 5, 6)], LABELS).maxScoreDifference).toBeCloseTo(0, 12)
})

test('an answer that is missing is as far away as can be told', () => {
  expect(scoreChanges([judged('a', 1, 2)], [], LABELS).maxScoreDifference).toBe(Infinity)
})
