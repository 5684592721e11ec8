import { expect, test } from 'vitest'
import { Reserve } from './reserve.ts'

const learned = (ratios: number[], expectedSeconds = 0.1) => {
  const reserve = new Reserve()
  for (const ratio of ratios) reserve.learn({ expectedSeconds, actualSeconds: ratio * expectedSeconds })
  return reserve.factor
}
const times = (count: number, ratios: number[]) => Array.from({ length: count }, () => ratios).flat()

test('is a half at first, and where estimates are right', () => {
  expect(learned([])).toBe(1.5)
  expect(learned(times(500, [1]))).toBe(1.5)
  expect(learned(times(500, [0.8]))).toBe(1.5)
})

test('grows with how late the late answers are, and not with how early the others', () => {
  const late = learned(times(500, [0.7, 1.6]))
  expect(late).toBeGreaterThan(1.9)
  expect(late).toBeLessThan(2.1)
  expect(learned(times(500, [0.1, 1.1]))).toBe(1.5)
})

test('remembers a stall for longer than it lasts, and forgets it in the end', () => {
  const stall = times(20, [2])
  expect(learned([...stall, ...times(200, [1])])).toBeGreaterThan(2)
  expect(learned([...stall, ...times(5_000, [1])])).toBe(1.5)
})

test('has an end, and learns nothing of what is answered at once', () => {
  expect(learned(times(500, [100]))).toBe(3)
  expect(learned(times(500, [5]), 0.001)).toBe(1.5)
})
