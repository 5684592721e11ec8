import { expect, test } from 'vitest'
import { ordersOf, type CorpusText } from './workloads.ts'

const corpus: CorpusText[] = [
  ...Array.from({ length: 100 }, (_, index) => ({ kind: 'sentence' as const, tokens: 4 + (index % 50) })),
  ...Array.from({ length: 20 }, (_, index) => ({ kind: 'review' as const, tokens: index < 5 ? 512 : 200 })),
]
const orders = ordersOf(corpus, 512)
const kinds = (order: Uint32Array) => [...order].map((index) => corpus[index]?.kind)
const tokens = (order: Uint32Array) => [...order].map((index) => corpus[index]?.tokens ?? 0)

test('short texts are all sentences once, long ones all reviews once', () => {
  expect(new Set(orders.short).size).toBe(100)
  expect(orders.short).toHaveLength(100)
  expect(new Set(kinds(orders.short))).toEqual(new Set(['sentence']))
  expect(orders.long).toHaveLength(20)
  expect(new Set(kinds(orders.long))).toEqual(new Set(['review']))
})

test('mixed load has three sentences for each review', () => {
  expect(kinds(orders.mixed).filter((kind) => kind === 'review')).toHaveLength(20)
  expect(kinds(orders.mixed).filter((kind) => kind === 'sentence')).toHaveLength(60)
})

test('adversarial load alternates the shortest with the longest', () => {
  const lengths = tokens(orders.adversarial)
  expect(lengths.every((length, index) => (index % 2 === 0 ? length <= 6 : length === 512))).toBe(true)
})

test('the same texts come in the same order each time', () => {
  expect(ordersOf(corpus, 512)).toEqual(orders)
})

test('without a text of full length there is no such load', () => {
  expect(() => ordersOf(corpus, 1024)).toThrow('no review has the 1024 tokens')
})
