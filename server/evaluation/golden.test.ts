import { expect, test } from 'vitest'
import { goldenTexts } from './golden.ts'

const LABELS = ['negative', 'positive']
const row = (text: string, ...logits: number[]) => ({ text, ids: [1], logits })
/** What an engine gives that agrees with PyTorch. */
const same = (rows: { logits: number[] }[]) => rows.map(({ logits }) => ({ logits, isEmpty: false }))
const textsOf = (rows: ReturnType<typeof row>[], ...more: ReturnType<typeof same>[]) =>
  goldenTexts(rows, [same(rows), ...more], LABELS).map(({ text }) => text)

test('the labels take turns, and the surest texts of each come first', () => {
  const rows = [row('bad', 1, 0), row('awful', 3, 0), row('dull', 2, 0), row('good', 0, 1)]
  expect(goldenTexts(rows, [same(rows)], LABELS)).toEqual([
    { text: 'awful', label: 'negative' },
    { text: 'good', label: 'positive' },
    { text: 'dull', label: 'negative' },
    { text: 'bad', label: 'negative' },
  ])
})

test('there are eight at most, also of one label alone', () => {
  const ofOne = Array.from({ length: 20 }, (_, index) => row(`text ${index}`, 0, 1))
  expect(textsOf(ofOne)).toHaveLength(8)
  const labels = Array.from({ length: 20 }, (_, index) => `label ${index}`)
  const ofMany = labels.map((_, index) => row(`text ${index}`, ...labels.map((__, label) => Number(label === index))))
  expect(new Set(goldenTexts(ofMany, [same(ofMany)], labels).map(({ label }) => label)).size).toBe(8)
})

test('what a serving pod would refuse, and what is long or there already, is left out', () => {
  const texts = [' ', '\u200b', 'control \u0001', 'lone \ud800', 'é'.repeat(81), 'x'.repeat(161), 'fine', 'fine']
  expect(textsOf(texts.map((text) => row(text, 0, 1)))).toEqual(['fine'])
  const kept = ['é'.repeat(80), 'two\nlines']
  expect(textsOf(kept.map((text) => row(text, 0, 1)))).toEqual(kept)
  const rows = [row('\ufffd', 0, 1), row('fine', 0, 1)]
  expect(textsOf(rows, [{ logits: [0, 1], isEmpty: true }, ...same(rows).slice(1)])).toEqual(['fine'])
})

test('a text that a precision answers otherwise is left out, and one that it is less sure of comes later', () => {
  const rows = [row('first', 0, 3), row('second', 0, 3), row('third', 0, 3)]
  const int8 = [
    { logits: [1, 0], isEmpty: false },
    { logits: [0, 0.1], isEmpty: false },
    { logits: [0, 2], isEmpty: false },
  ]
  expect(textsOf(rows, int8)).toEqual(['third', 'second'])
})
