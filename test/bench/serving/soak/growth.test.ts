import { expect, test } from 'vitest'
import { growthPerHour } from './growth.ts'

test('a MiB a minute is sixty an hour', () => {
  expect(growthPerHour([0, 60, 120].map((seconds) => ({ seconds, rssMiB: 200 + seconds / 60 })))).toBeCloseTo(60)
})

test('what goes up and down around the same value does not grow', () => {
  const samples = Array.from({ length: 101 }, (_, index) => ({ seconds: index, rssMiB: 200 + (index % 2) * 10 }))
  expect(Math.abs(growthPerHour(samples))).toBeLessThan(10)
})

test('one look, or none, shows no growth', () => {
  expect(growthPerHour([{ seconds: 1, rssMiB: 100 }])).toBe(0)
  expect(growthPerHour([])).toBe(0)
})
