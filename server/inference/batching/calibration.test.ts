import { expect, test } from 'vitest'
import { calibrationShapes } from './calibration.ts'
import { BATCH_RULES } from './plan-batch.ts'

test('every shape is one that a batch may have, the cheap ones come first, and the longest text is among them', () => {
  const shapes = calibrationShapes(512, BATCH_RULES)
  expect(shapes[0]).toEqual({ rows: 1, length: 8 })
  expect(shapes.at(-1)).toEqual({ rows: 1, length: 512 })
  const tokens = shapes.map(({ rows, length }) => rows * length)
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
  expect(Math.max(...tokens)).toBe(BATCH_RULES.maxPaddedTokens)
})

test('no shape is longer than the model takes, and one row of each length is measured', () => {
  for (const maxLength of [8, 20, 128, 1024]) {
    const shapes = calibrationShapes(maxLength, { ...BATCH_RULES, maxRows: 4 })
    expect(Math.max(...shapes.map(({ length }) => length))).toBe(maxLength)
    expect(Math.max(...shapes.map(({ rows }) => rows))).toBeLessThanOrEqual(4)
    for (const { length } of shapes) expect(shapes).toContainEqual({ rows: 1, length })
  }
})
