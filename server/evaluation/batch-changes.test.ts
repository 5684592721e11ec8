import { expect, test, vi } from 'vitest'
import { verifyArtifact } from '../artifact/verify.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { writeTinyArtifact } from '../testing/tiny-artifact.ts'
import { EVALUATION_ROWS, PARITY_TEXTS, tinyOnnx, type Int8Scale } from '../testing/tiny-model.ts'
import { measureBatchChanges } from './batch-changes.ts'
import { judgeArtifact } from './judge-artifact.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 60_000 })

/** Small activations, for which a scale that suits large ones is coarse. */
const NEUTRAL = 'this is a movie , and the film is it .'
const TEXTS = [NEUTRAL, ...PARITY_TEXTS, ...EVALUATION_ROWS.map(({ text }) => text)].map((text, id) => ({ id, text }))

async function measure(precision: 'fp32' | 'int8', scale: Int8Scale = 'row', texts = TEXTS) {
  const files = { 'model.int8.onnx': tinyOnnx('int8', undefined, scale) }
  const artifact = await verifyArtifact(writeTinyArtifact({ files }).directory)
  const tokenizer = await loadTokenizer(artifact)
  const judging = { artifact, tokenizer, precision, texts, log: { info() {}, warn() {} } }
  const { judged } = await judgeArtifact({ ...judging, workers: 1 })
  return measureBatchChanges({ ...judging, alone: judged })
}

test('a scale for each row gives a text the answer that it gets alone, and so does fp32', async () => {
  for (const precision of ['fp32', 'int8'] as const) {
    const { texts, maxScoreChange } = await measure(precision)
    // Sixteen share a run; the one that is left has no company.
    expect(texts).toBe(TEXTS.length - 1)
    expect(maxScoreChange).toBeLessThan(1e-6)
  }
})

test('one scale for all rows of a run is found out, and the text that it moves most is named', async () => {
  const { maxScoreChange, worst } = await measure('int8', 'tensor')
  expect(maxScoreChange).toBeGreaterThan(0.002)
  expect(worst).toHaveLength(5)
  expect(worst[0]).toMatchObject({ text: NEUTRAL, difference: maxScoreChange })
  expect(worst[0]?.alone).not.toEqual(worst[0]?.batched)
})

test('a single text has no company, so nothing was measured', async () => {
  expect(await measure('fp32', 'row', TEXTS.slice(0, 1))).toMatchObject({ texts: 0 })
})
