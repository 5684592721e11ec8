import { expect, test } from 'vitest'
import { workerCount } from './worker-count.ts'

const GIB = 2 ** 30
const count = (bytes: number, cpus: number, memoryBytes: number, isShared = true): number =>
  workerCount({ bytes, isShared }, { cpus, memoryBytes }).workers

test('without a memory limit workers are whole CPUs, and at least one', () => {
  expect([0.5, 1, 1.9, 2, 7.5].map((cpus) => count(45e6, cpus, Infinity))).toEqual([1, 1, 1, 2, 7])
})

test('on a node with many cores the memory limit decides', () => {
  expect(count(256e6, 64, 2 * GIB)).toBe(13)
  expect(count(45e6, 64, GIB / 2)).toBe(2)
  expect(count(45e6, 2, 2 * GIB)).toBe(2)
})

test('workers that can not share the weights are fewer', () => {
  expect(count(256e6, 64, 2 * GIB, false)).toBe(2)
})

test('a model larger than the limit still gets its one worker', () => {
  expect(count(4e9, 64, 2 * GIB)).toBe(1)
  expect(count(4e9, 64, 2 * GIB, false)).toBe(1)
})

test('says what it counted by', () => {
  const model = { bytes: 1, isShared: true }
  expect(workerCount(model, { cpus: 2, memoryBytes: GIB })).toEqual({ workers: 2, cpus: 2, memoryLimitBytes: GIB })
  expect(workerCount(model, { cpus: 2, memoryBytes: Infinity })).toEqual({ workers: 2, cpus: 2 })
})
