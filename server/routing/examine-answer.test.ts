import { expect, test } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import { examineAnswer, largestAnswer } from './examine-answer.ts'

const answerIn = (body: unknown) => (JSON.stringify(body) === '{"ok":true}' ? { answered: true } : undefined)
const examine = (status: number, body: string, version = 'new') =>
  examineAnswer(
    { kind: 'answered', status, headers: { [HEADERS.modelVersion]: version }, body },
    { version: 'new', answerIn },
  )

test.each([
  ['of that version to that question', 200, '{"ok":true}', 'new', 'answered'],
  ['of another version', 200, '{"ok":true}', 'old', 'garbage'],
  ['to another question', 200, '{"ok":false}', 'new', 'garbage'],
  ['without a body', 204, '', 'new', 'garbage'],
  ['cut off', 200, '{"ok":tr', 'new', 'garbage'],
  ['with a status that no pod sends', 206, '{"ok":true}', 'new', 'garbage'],
  ['that refuses the input', 422, '{"ok":true}', 'new', 'badInput'],
  ['that says of the caller that it has left', 499, '{"ok":true}', 'new', 'error'],
  ['that fails', 500, '{"ok":true}', 'new', 'error'],
])('an answer %s', (_, status, body, version, outcome) => {
  expect(examine(status, body, version).outcome).toBe(outcome)
})

test('without an answer it is what went wrong', () => {
  const expected = { version: 'new', answerIn }
  expect(examineAnswer({ kind: 'abandoned' }, expected)).toEqual({ outcome: 'abandoned' })
  const failed = { kind: 'failed', failure: 'unreachable', message: 'no' } as const
  expect(examineAnswer(failed, expected)).toEqual({ outcome: 'unreachable' })
})

test('an answer can be as long as its question makes it, and what 256 of them take is bounded by that', () => {
  const labels = ['negative', 'positive']
  const question = JSON.stringify({ text: 'a good film' })
  expect(256 * largestAnswer(question, 1, labels)).toBeLessThan(8 * 1024 * 1024)
  const texts = Array.from({ length: 128 }, () => '"\u00e4\\')
  const predictions = texts.map((text) => ({ text, sentiment: 'negative', score: 0.123_456_789_012_345_67 }))
  const longest = JSON.stringify({ predictions }).replaceAll('\u00e4', '\\u00e4')
  expect(largestAnswer(JSON.stringify({ texts }), 128, labels)).toBeGreaterThan(longest.length)
})
