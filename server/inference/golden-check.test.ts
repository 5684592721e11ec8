import { expect, test, vi } from 'vitest'
import { readParityRows } from '../artifact/read-rows.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import { writeTinyArtifact, type TinyArtifactOptions } from '../testing/tiny-artifact.ts'
import { expectedIds, expectedLogits } from '../testing/tiny-model.ts'
import { checkGolden } from './golden-check.ts'
import { startOrtEngine } from './ort-engine.ts'
import { loadTokenizer } from './tokenizer.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

async function check(precision: 'fp32' | 'int8', options: TinyArtifactOptions = {}) {
  const artifact = await verifyArtifact(writeTinyArtifact(options).directory)
  const tokenizer = await loadTokenizer(artifact)
  const { engine } = await startOrtEngine({
    modelPath: artifact.path(`model.${precision}.onnx`),
    padId: 0,
    labels: 2,
    maxLength: artifact.manifest.maxLength,
    workers: 1,
    queueLimit: 1,
    observer: { queued() {}, inferred() {}, rejected() {}, workerRestarted() {} },
    log: { info() {}, warn() {} },
  })
  try {
    const rows = await readParityRows(artifact)
    return await checkGolden({ rows, tokenizer, engine, precision, wait: { deadline: Infinity } })
  } finally {
    await engine.close()
  }
}

const row = (text: string, change: (logits: number[]) => number[] = (logits) => logits): string =>
  JSON.stringify({ text, ids: expectedIds(text), logits: change(expectedLogits(expectedIds(text))) })

test.each(['fp32', 'int8'] as const)('a right artifact passes at %s', async (precision) => {
  expect(await check(precision)).toEqual({ texts: 8 })
})

test('texts are spread over all rows where there are many', async () => {
  const rows = Array.from({ length: 200 }, (_, index) => row(index % 2 === 0 ? 'good' : 'bad'))
  expect(await check('fp32', { files: { 'parity.jsonl': rows.join('\n') } })).toEqual({ texts: 16 })
})

test('fp32 logits beyond rounding are refused', async () => {
  const files = { 'parity.jsonl': row('good', ([a = 0, b = 0]) => [a + 0.01, b]) }
  await expect(check('fp32', { files })).rejects.toMatchObject({ code: 'GoldenMismatch' })
})

test('int8 may move logits, but not the labels PyTorch is sure of', async () => {
  const moved = { 'parity.jsonl': row('good', (logits) => logits.map((value) => value * 1.2)) }
  expect(await check('int8', { files: moved })).toEqual({ texts: 1 })
  const flipped = { 'parity.jsonl': row('good', (logits) => logits.toReversed()) }
  await expect(check('int8', { files: flipped })).rejects.toThrow(/another label than PyTorch for 1 of 1/)
})

test('other token ids are refused', async () => {
  const files = { 'parity.jsonl': JSON.stringify({ text: 'good', ids: [2, 1, 3], logits: [0, 0] }) }
  await expect(check('int8', { files })).rejects.toThrow(/other token ids/)
})
