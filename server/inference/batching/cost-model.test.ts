import fc from 'fast-check'
import { expect, test } from 'vitest'
import { costModel, unmeasuredCost } from './cost-model.ts'

const MEASURED = [
  { rows: 1, length: 16, seconds: 0.002 },
  { rows: 8, length: 16, seconds: 0.012 },
  { rows: 1, length: 128, seconds: 0.014 },
  { rows: 2, length: 128, seconds: 0.029 },
]

test('gives what was measured where it was measured', () => {
  const cost = costModel(MEASURED)
  for (const { seconds, ...shape } of MEASURED) expect(cost.seconds(shape)).toBeCloseTo(seconds, 9)
})

test('between them the cost is a power of rows and of length', () => {
  const cost = costModel(MEASURED)
  expect(cost.seconds({ rows: 4, length: 16 })).toBeCloseTo(0.002 * 6 ** (2 / 3), 9)
  expect(cost.seconds({ rows: 1, length: 45 })).toBeCloseTo(0.002 * 7 ** (Math.log(45 / 16) / Math.log(8)), 9)
})

test('shorter texts than were measured cost what the shortest does, longer ones at least in proportion', () => {
  const cost = costModel(MEASURED)
  expect(cost.seconds({ rows: 1, length: 2 })).toBe(0.002)
  expect(cost.seconds({ rows: 1, length: 512 })).toBeCloseTo(0.014 * 4, 9)
  const quadratic = costModel([
    { rows: 1, length: 100, seconds: 0.01 },
    { rows: 1, length: 200, seconds: 0.1 },
  ])
  expect(quadratic.seconds({ rows: 1, length: 400 })).toBeCloseTo(0.4, 9)
})

test('a run that the clock did not see does not spoil the others', () => {
  const cost = costModel([{ rows: 1, length: 8, seconds: 0 }, ...MEASURED])
  expect(cost.seconds({ rows: 1, length: 12 })).toBeGreaterThan(0)
  expect(cost.seconds({ rows: 1, length: 16 })).toBeCloseTo(0.002, 9)
  expect(cost.seconds({ rows: 2, length: 12 })).toBeLessThan(Infinity)
})

test('more rows than were measured at a length gain nothing', () => {
  const cost = costModel(MEASURED)
  expect(cost.seconds({ rows: 16, length: 16 })).toBeCloseTo(16 * 0.002, 9)
  expect(cost.seconds({ rows: 3, length: 128 })).toBeCloseTo(3 * 0.014, 9)
})

test('a length of which no single row was measured is left out, and without any nothing can be said', () => {
  const cost = costModel([...MEASURED, { rows: 2, length: 64, seconds: 1e-6 }])
  expect(cost.seconds({ rows: 1, length: 64 })).toBe(costModel(MEASURED).seconds({ rows: 1, length: 64 }))
  expect(() => costModel([{ rows: 2, length: 64, seconds: 1 }])).toThrow(RangeError)
})

test('noise never makes a larger or longer run cheaper than one within it', () => {
  const seconds = fc.double({ min: 1e-4, max: 1, noNaN: true })
  const grid = fc.tuple(
    ...[8, 32, 128].flatMap((length) =>
      [1, 2, 4].map((rows) => fc.record({ rows: fc.constant(rows), length: fc.constant(length), seconds })),
    ),
  )
  fc.assert(
    fc.property(grid, fc.nat(3), fc.nat(200), fc.nat(200), (measurements, rows, length, more) => {
      const cost = costModel(measurements)
      const small = cost.seconds({ rows: 1 + rows, length: 1 + length })
      expect(small).toBeGreaterThan(0)
      expect(cost.seconds({ rows: 1 + rows, length: 1 + length + more })).toBeGreaterThanOrEqual(small * (1 - 1e-9))
    }),
  )
})

test('without measurements more rows gain nothing', () => {
  const cost = unmeasuredCost()
  expect(cost.seconds({ rows: 4, length: 10 })).toBeCloseTo(4 * cost.seconds({ rows: 1, length: 10 }), 12)
})
