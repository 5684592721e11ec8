import { expect, test } from 'vitest'
import { Recorder } from './recorder.ts'

const texts = [
  { text: 'fine', label: 'positive', score: 0.9 },
  { text: 'dull', label: 'negative', score: 0.8 },
]
const body = (sentiment: string, score: number) => Buffer.from(JSON.stringify({ text: 'fine', sentiment, score }))

test('an answer is held against what PyTorch says of that text', () => {
  const recorder = new Recorder(texts, 'predict')
  recorder.answered(recorder.begin(0, 0, 1), 200, body('positive', 0.95), 5)
  recorder.answered(recorder.begin(1, 2, 3), 200, body('positive', 0.6), 9)
  const { sameLabel, scoreDifference, intended, sent, done } = recorder.finish()
  expect([...sameLabel]).toEqual([1, 0])
  expect(scoreDifference[0]).toBeCloseTo(0.05)
  expect(scoreDifference[1]).toBeCloseTo(0.4)
  expect([...intended, ...sent, ...done]).toEqual([0, 2, 1, 3, 5, 9])
})

test('a 200 that holds no answer has failed, and is told', () => {
  const recorder = new Recorder(texts, 'predict')
  recorder.answered(recorder.begin(0, 0, 0), 200, Buffer.from('<html>'), 5)
  recorder.answered(recorder.begin(0, 0, 0), 429, Buffer.from('full'), 5)
  recorder.failed(recorder.begin(0, 0, 0), 'connection reset', 5)
  expect([...recorder.finish().status]).toEqual([0, 429, 0])
  expect(recorder.problems).toEqual(['200 without an answer: <html>', '429 full', 'connection reset'])
})

test('requests beyond the first arrays are kept, and those without an answer have no end', () => {
  const recorder = new Recorder(texts, 'predict')
  for (let index = 0; index < 10_000; index++) recorder.begin(index % 2, index, index)
  const requests = recorder.finish()
  expect(requests.intended).toHaveLength(10_000)
  expect([requests.text[9_999], requests.intended[9_999], requests.done[0]]).toEqual([1, 9_999, NaN])
})
