import { describe, expect, test } from 'vitest'
import { writeTinyArtifact } from '../testing/tiny-artifact.ts'
import { PARITY_TEXTS } from '../testing/tiny-model.ts'
import { readEvaluationRows, readParityRows } from './read-rows.ts'
import { verifyArtifact } from './verify.ts'

const opened = async (files: Record<string, string | undefined>) =>
  verifyArtifact(writeTinyArtifact({ files }).directory)

describe('readParityRows', () => {
  test('gives every row', async () => {
    const rows = await readParityRows(await opened({}))
    expect(rows.map(({ text }) => text)).toEqual(PARITY_TEXTS)
  })

  test('splits lines at newlines only', async () => {
    const text = 'line\u2028and paragraph\u2029'
    const rows = await readParityRows(
      await opened({ 'parity.jsonl': `${JSON.stringify({ text, ids: [2, 3], logits: [0, 1] })}\n` }),
    )
    expect(rows[0]?.text).toBe(text)
  })

  test.each([
    ['is not JSON', '{"text"\n', /parity.jsonl: line 1 is not JSON/],
    ['has a field of another type', '{"text":"a","ids":"2","logits":[0,1]}\n', /line 1: .*ids/],
    ['has a logit too many', '\n{"text":"a","ids":[2],"logits":[0,1,2]}\n', /line 2: has 3 logits, .* 2 labels/],
    ['is not there', '\n', /has no rows/],
  ])('refuses a row that %s', async (_, content, message) => {
    await expect(readParityRows(await opened({ 'parity.jsonl': content }))).rejects.toThrow(message)
  })
})

describe('readEvaluationRows', () => {
  test('gives none where the artifact has no such file', async () => {
    expect(await readEvaluationRows(await opened({ 'evaluation.jsonl': undefined }))).toEqual([])
  })

  test('refuses a label that the manifest does not have', async () => {
    const artifact = await opened({ 'evaluation.jsonl': '{"id":1,"text":"a","label":"neutral"}\n' })
    await expect(readEvaluationRows(artifact)).rejects.toThrow(/line 1: label "neutral" is none of negative, positive/)
  })
})
