import { expect, test } from 'vitest'
import { labelChanges } from './label-changes.ts'

const judged = (id: number, ...logits: number[]) => ({ id, text: `text ${id}`, logits })
const LABELS = ['negative', 'positive']

test('equal answers change nothing', () => {
  const rows = [judged(1, 1, 0), judged(2, 0, 1)]
  expect(labelChanges(rows, rows, LABELS)).toEqual({
    figures: { disagreements: 0, negToPos: 0, posToNeg: 0, meanDistance: 0 },
    worst: { negToPos: [], posToNeg: [] },
  })
})

test('changes are counted by direction and, where the truth is known, by who was right', () => {
  const stable = [judged(1, 9, 0), judged(2, 9, 0), judged(3, 0, 9), judged(4, 0, 9)]
  const candidate = [judged(1, 0, 9), judged(2, 0, 9), judged(3, 9, 0), judged(4, 0, 9)]
  // Row 1 gets wrong, rows 2 and 3 get right.
  const { figures } = labelChanges(stable, candidate, LABELS, [0, 1, 0, 1])
  expect(figures).toMatchObject({ disagreements: 3, negToPos: 2, posToNeg: 1, rightToWrong: 1, wrongToRight: 2 })
  // Three answers are turned round, one is the same.
  expect(figures.meanDistance).toBeCloseTo(0.75, 3)
})

test('with more than two labels the order of the labels is the direction, and a change may stay wrong', () => {
  const { figures } = labelChanges([judged(1, 9, 0, 0)], [judged(1, 0, 9, 0)], ['bad', 'fair', 'good'], [2])
  expect(figures).toMatchObject({ negToPos: 1, posToNeg: 0, rightToWrong: 0, wrongToRight: 0 })
})

test('the worst ten of each direction come by their distance, with both answers', () => {
  const ids = Array.from({ length: 30 }, (_, id) => id)
  const stable = ids.map((id) => (id < 15 ? judged(id, 1, 0) : judged(id, 0, 1)))
  const candidate = ids.map((id) => (id < 15 ? judged(id, 0, 1 + id) : judged(id, 1 + id, 0)))
  const { negToPos, posToNeg } = labelChanges(stable, candidate, LABELS).worst
  expect(negToPos.map(({ id }) => id)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5])
  expect(posToNeg.map(({ id }) => id)).toEqual([29, 28, 27, 26, 25, 24, 23, 22, 21, 20])
  expect(posToNeg[0]).toMatchObject({
    text: 'text 29',
    stable: { label: 'positive' },
    candidate: { label: 'negative' },
  })
  expect(posToNeg[0]).not.toHaveProperty('truth')
})

test('nothing to compare is an error, not a figure', () => {
  expect(() => labelChanges([], [], LABELS)).toThrow(RangeError)
  expect(() => labelChanges([judged(1, 0, 1)], [], LABELS)).toThrow(RangeError)
})
