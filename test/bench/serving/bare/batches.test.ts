import { expect, test } from 'vitest'
import { batchesOf } from './batches.ts'

const ids = [[1, 2, 3], [4], [5, 6], [7]]

test('single texts stay in their order', () => {
  expect(batchesOf([2, 0, 3], ids, 1).map(({ texts }) => texts)).toEqual([[2], [0], [3]])
})

test('batches hold texts of about the same length, padded and masked', () => {
  const [first, second] = batchesOf([0, 1, 2, 3], ids, 2)
  expect(first).toMatchObject({ texts: [1, 3], length: 1 })
  expect(second).toMatchObject({ texts: [2, 0], length: 3 })
  expect([...(second?.inputIds ?? [])].map(Number)).toEqual([5, 6, 0, 1, 2, 3])
  expect([...(second?.attentionMask ?? [])].map(Number)).toEqual([1, 1, 0, 1, 1, 1])
})

test('long texts make smaller batches', () => {
  const long = Array.from({ length: 8 }, () => Array.from({ length: 512 }, () => 1))
  expect(batchesOf([...long.keys()], long, 8).map(({ texts }) => texts.length)).toEqual([4, 4])
})

test('the texts that come first are in the first batches', () => {
  const many = Array.from({ length: 64 }, (_, index) => Array.from({ length: 1 + (index % 7) }, () => 1))
  const texts = batchesOf([...many.keys()], many, 2).flatMap((batch) => batch.texts)
  expect(texts.slice(0, 16).toSorted((a, b) => a - b)).toEqual([...many.keys()].slice(0, 16))
  expect(new Set(texts).size).toBe(64)
})
