import { expect, test } from 'vitest'
import { resources, size } from './quantity.ts'

const isSize = (text: string) => size('storage.size', 'd').safeParse(text).success
const isLimit = (cpu: unknown) => resources('job.resources', 'd').safeParse({ limits: { cpu } }).success

test.each(['10Gi', '1', '1.5Gi', '.5Gi', '1.', '500m', '+1'])('%s is a size', (text) => {
  expect(isSize(text)).toBe(true)
})

test.each(['', '0', '0Gi', '-1Gi', '10Q', '10 Gi', 'Gi', '1KI', '1e', '.', '1..0', '1e3', '1E3', '1E'])(
  '"%s" is no size',
  (text) => {
    expect(isSize(text)).toBe(false)
  },
)

test('a limit may be a number, a string or zero, and not negative', () => {
  expect([2, '2', '500m', 0, '0'].map(isLimit)).toEqual([true, true, true, true, true])
  expect([-1, '-1', '-0', 'two', 1.5, '1e99999999', null].map(isLimit)).not.toContain(true)
})

test('more than six resource names are refused', () => {
  const limits = Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`example.com/r${index}`, 1]))
  expect(resources('job.resources', 'd').safeParse({ limits }).success).toBe(false)
})
