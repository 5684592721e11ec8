import { expect, test } from 'vitest'
import { SPEECH } from './dialect.ts'

test('the label is read where each server writes it', () => {
  const predict = { text: 'fine', sentiment: 'positive', score: 0.9 }
  expect(SPEECH.predict.answer(predict)).toEqual({ label: 'positive', score: 0.9 })
  const classify = {
    data: [
      [
        { score: 0.9, label: 'positive' },
        { score: 0.1, label: 'negative' },
      ],
    ],
  }
  expect(SPEECH.infinity.answer(classify)).toEqual({ label: 'positive', score: 0.9 })
})

test('an answer without a label is none', () => {
  expect(SPEECH.predict.answer({ error: 'busy' })).toBeUndefined()
  expect(SPEECH.infinity.answer({ data: [] })).toBeUndefined()
  expect(SPEECH.infinity.answer({})).toBeUndefined()
})
