import { expect, test } from 'vitest'
import { HEADERS } from '../../contract/names.ts'
import { examineAnswer } from './examine-answer.ts'

const isAnswer = (body: unknown): boolean => JSON.stringify(body) === '{"ok":true}'
const examine = (status: number, body: string, version = 'new') =>
  examineAnswer(
    { kind: 'answered', status, headers: { [HEADERS.modelVersion]: version }, body },
    { version: 'new', isAnswer },
  )

test.each([
  ['of that version to that question', 200, '{"ok":true}', 'new', 'answered'],
  ['of another version', 200, '{"ok":true}', 'old', 'garbage'],
  ['to another question', 200, '{"ok":false}', 'new', 'garbage'],
  ['without a body', 204, '', 'new', 'garbage'],
  ['cut off', 200, '{"ok":tr', 'new', 'garbage'],
  ['with a status that no pod sends', 206, '{"ok":true}', 'new', 'garbage'],
  ['that refuses the input', 422, '{"ok":true}', 'new', 'badInput'],
  ['that fails', 500, '{"ok":true}', 'new', 'error'],
])('an answer %s', (_, status, body, version, outcome) => {
  expect(examine(status, body, version)).toBe(outcome)
})

test('without an answer it is what went wrong', () => {
  const expected = { version: 'new', isAnswer }
  expect(examineAnswer({ kind: 'abandoned' }, expected)).toBe('abandoned')
  expect(examineAnswer({ kind: 'failed', failure: 'unreachable', message: 'no' }, expected)).toBe('unreachable')
})
