import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TERMINATION_MESSAGE_LIMIT } from '../contract/names.ts'
import { evaluatorResult } from '../contract/termination.ts'
import { evaluationReport } from './evaluation/report.ts'
import { startEntry } from './testing/child.ts'
import { writeTinyArtifact, type TinyArtifact, type TinyArtifactOptions } from './testing/tiny-artifact.ts'
import { EVALUATION_ROWS, PARITY_TEXTS, expectedIds, expectedLogits, tinyOnnx } from './testing/tiny-model.ts'
import { temporaryDirectory } from './testing/temporary-directory.ts'

const TIMEOUT_MS = 60_000

const specOf = (artifact: TinyArtifact) => ({
  schemaVersion: 1,
  version: artifact.version,
  attempt: 2,
  manifestSha256: artifact.digest,
})

async function evaluate(artifact: TinyArtifact, spec: unknown = specOf(artifact), extra: string[] = []) {
  const messagePath = join(temporaryDirectory('termination'), 'message')
  const argument = typeof spec === 'string' ? spec : JSON.stringify(spec)
  const child = startEntry('evaluate.ts', ['--artifact', artifact.directory, '--spec', argument, ...extra], {
    TERMINATION_MESSAGE_PATH: messagePath,
  })
  const code = await child.exited
  const message = readFileSync(messagePath, 'utf8')
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(TERMINATION_MESSAGE_LIMIT)
  const lines = child.output().trim().split('\n')
  for (const line of lines) JSON.parse(line)
  return { code, result: evaluatorResult.parse(JSON.parse(message)), lines }
}

const evaluateWith = (options: TinyArtifactOptions) => evaluate(writeTinyArtifact(options))

function succeeded(result: Awaited<ReturnType<typeof evaluate>>['result']) {
  if (result.result !== 'Succeeded') throw new Error(`failed: ${result.message}`)
  return result
}

describe('the evaluator', () => {
  test(
    'measures parity, quality and agreement, and leaves its report beside the manifest',
    async () => {
      const artifact = writeTinyArtifact()
      const { code, result } = await evaluate(artifact)
      expect(code).toBe(0)
      const { summary, report } = succeeded(result)
      expect(summary).toMatchObject({
        manifestSha256: artifact.digest,
        parity: { texts: PARITY_TEXTS.length, tokenMismatches: 0, labelAgreement: 1 },
        rows: EVALUATION_ROWS.length,
        // One row is labelled wrong on purpose.
        fp32: { accuracy: 7 / 8 },
        int8: { accuracy: 7 / 8 },
        int8Agreement: { labelAgreement: 1 },
      })
      expect(summary.parity.maxLogitDifference).toBeLessThan(1e-5)
      expect(summary.int8Agreement.maxLogitDifference).toBeGreaterThan(0)
      expect(summary.int8Agreement.maxScoreDifference).toBeGreaterThan(0)
      expect(summary.int8Agreement.maxScoreDifference).toBeLessThan(0.1)
      expect(summary.batched?.texts).toBe(PARITY_TEXTS.length + EVALUATION_ROWS.length)
      expect(summary.batched?.fp32.maxScoreChange).toBeLessThan(1e-6)
      expect(summary.batched?.int8.maxScoreChange).toBeLessThan(1e-6)
      // 48 tokens in eight rows, the special ones included.
      expect(summary.cost?.tokens).toBe(6)
      expect(summary.cost?.fp32Milliseconds).toBeGreaterThan(0)
      expect(summary.cost?.int8Milliseconds).toBeGreaterThan(0)
      expect(summary.against).toBeUndefined()
      expect(summary.golden).toHaveLength(PARITY_TEXTS.length)
      expect(summary.golden?.slice(0, 2).map(({ label }) => label)).toEqual(['negative', 'positive'])
      expect(report).toBe('evaluation-2.json')
      const full = evaluationReport.parse(JSON.parse(readFileSync(join(artifact.directory, report), 'utf8')))
      expect(full.summary).toEqual(summary)
      expect(full.quality.fp32?.confusion).toEqual([
        [4, 0],
        [1, 3],
      ])
      expect(full.worstDisagreements).toHaveLength(8)
      expect(summary.cost?.cpuFlags ?? []).toEqual(full.environment.cpuFlags)
      expect(full.environment.cpu).not.toBe('')
      expect(readdirSync(artifact.directory).filter((name) => name.includes('tmp'))).toEqual([])
    },
    TIMEOUT_MS,
  )

  test(
    'measures agreement on the parity texts where there are no rows',
    async () => {
      const { result } = await evaluateWith({ files: { 'evaluation.jsonl': undefined } })
      const { summary } = succeeded(result)
      expect(summary.rows).toBe(0)
      expect(summary.fp32).toBeUndefined()
      expect(summary.int8Agreement.labelAgreement).toBe(1)
    },
    TIMEOUT_MS,
  )

  test(
    'reports an int8 model whose answers depend on the texts that share its run',
    async () => {
      const texts = [{ id: 0, text: 'this is a movie , and the film is it .', label: 'positive' }, ...EVALUATION_ROWS]
      const files = {
        'model.int8.onnx': tinyOnnx('int8', undefined, 'tensor'),
        'evaluation.jsonl': texts.map((row) => JSON.stringify(row)).join('\n'),
      }
      const artifact = writeTinyArtifact({ files })
      const { summary, report } = succeeded((await evaluate(artifact)).result)
      const full = evaluationReport.parse(JSON.parse(readFileSync(join(artifact.directory, report), 'utf8')))
      expect(full.worstBatchChanges.int8[0]).toMatchObject({ id: 0, text: texts[0]?.text })
      expect(summary.batched?.int8.maxScoreChange).toBeGreaterThan(0.001)
      expect(summary.batched?.fp32.maxScoreChange).toBeLessThan(1e-6)
    },
    TIMEOUT_MS,
  )

  test(
    'reports other token ids, logits and labels than PyTorch gave, and does not judge them',
    async () => {
      const rows = [
        {
          text: 'good',
          ids: expectedIds('good'),
          logits: expectedLogits(expectedIds('good')).map((x) => x + 0.5),
        },
        { text: 'bad', ids: [2, 1, 3], logits: expectedLogits(expectedIds('bad')) },
        { text: 'great', ids: expectedIds('great'), logits: expectedLogits(expectedIds('great')).toReversed() },
        { text: 'dull', ids: expectedIds('dull'), logits: expectedLogits(expectedIds('dull')) },
      ]
      const artifact = writeTinyArtifact({
        files: { 'parity.jsonl': rows.map((row) => JSON.stringify(row)).join('\n') },
      })
      const { code, result } = await evaluate(artifact)
      expect(code).toBe(0)
      const { summary, report } = succeeded(result)
      expect(summary.parity).toMatchObject({ texts: 4, tokenMismatches: 1, labelAgreement: 0.75 })
      expect(summary.parity.maxLogitDifference).toBeGreaterThan(0.5)
      const full = evaluationReport.parse(JSON.parse(readFileSync(join(artifact.directory, report), 'utf8')))
      expect(full.tokenMismatches).toEqual([{ line: 2, text: 'bad', expected: [2, 1, 3], found: expectedIds('bad') }])
    },
    TIMEOUT_MS,
  )

  test(
    'judges its rows with the stable version too, and keeps the texts themselves to the report',
    async () => {
      const artifact = writeTinyArtifact()
      // It says positive to everything; five of the eight rows are negative to the candidate, one of them is labelled positive.
      const files = { 'model.fp32.onnx': tinyOnnx('fp32', [-50, 50]) }
      const stable = writeTinyArtifact({ version: 'tiny-0000000000', files })
      const against = { version: stable.version, manifestSha256: stable.digest, precision: 'fp32' }
      const spec = { ...specOf(artifact), against }
      const { code, result } = await evaluate(artifact, spec, ['--against', stable.directory])
      expect(code).toBe(0)
      const { summary, report } = succeeded(result)
      const changes = { disagreements: 5, negToPos: 0, posToNeg: 5, rightToWrong: 1, wrongToRight: 4 }
      expect(summary.against).toMatchObject({ ...against, comparable: true, rows: 8, fp32: changes, int8: changes })
      expect(summary.fp32).toMatchObject({ accuracy: 7 / 8 })
      const { worstLabelChanges, seconds } = evaluationReport.parse(
        JSON.parse(readFileSync(join(artifact.directory, report), 'utf8')),
      )
      expect(worstLabelChanges?.fp32.negToPos).toEqual([])
      expect(worstLabelChanges?.int8.posToNeg.map(({ id }) => id).sort()).toEqual(['r4', 'r5', 'r6', 'r7', 'r8'])
      expect(seconds.against).toBeGreaterThan(0)
      expect(readdirSync(stable.directory).filter((name) => name.startsWith('evaluation-'))).toEqual([])
    },
    TIMEOUT_MS,
  )

  test(
    'is not failed by a stable version that is not there',
    async () => {
      const artifact = writeTinyArtifact({ files: { 'evaluation.jsonl': undefined } })
      const against = { version: 'tiny-0000000000', manifestSha256: artifact.digest, precision: 'int8' }
      const spec = { ...specOf(artifact), against }
      const { code, result } = await evaluate(artifact, spec, ['--against', '/nowhere'])
      expect(code).toBe(0)
      const { summary } = succeeded(result)
      expect(summary.against).toMatchObject({ comparable: false, version: against.version, reason: 'ArtifactInvalid' })
    },
    TIMEOUT_MS,
  )

  test.each<[string, TinyArtifactOptions, RegExp]>([
    [
      'a changed file',
      {
        manifest: (manifest) => ({
          ...manifest,
          files: {
            ...manifest.files,
            'config.json': { sha256: '0'.repeat(64), bytes: manifest.files['config.json']?.bytes },
          },
        }),
      },
      /config.json: has sha256/,
    ],
    ['a broken int8 model', { files: { 'model.int8.onnx': 'x' } }, /model.int8.onnx: is no ONNX model/],
    [
      'a row without a label',
      { files: { 'evaluation.jsonl': '{"id":1,"text":"a"}' } },
      /evaluation.jsonl: line 1: .*label/,
    ],
    ['a tokenizer that is none', { files: { 'tokenizer.json': '{}' } }, /tokenizer.json/],
  ])(
    'refuses an artifact with %s for good',
    async (_, options, message) => {
      const { code, result } = await evaluateWith(options)
      expect(code).toBe(3)
      expect(result).toMatchObject({ result: 'Failed', reason: 'ArtifactInvalid' })
      expect((result as { message: string }).message).toMatch(message)
    },
    TIMEOUT_MS,
  )

  test(
    'refuses an artifact of another digest or version than it was sent to measure',
    async () => {
      const artifact = writeTinyArtifact()
      const other = { ...specOf(artifact), manifestSha256: `sha256:${'b'.repeat(64)}` }
      expect(await evaluate(artifact, other)).toMatchObject({ code: 3, result: { reason: 'ArtifactInvalid' } })
      expect(await evaluate(artifact, { ...specOf(artifact), version: 'x' })).toMatchObject({ code: 3 })
    },
    TIMEOUT_MS,
  )

  test(
    'refuses arguments that are not its own, and reads a spec from a file',
    async () => {
      const artifact = writeTinyArtifact()
      for (const spec of ['{', '{"schemaVersion":2}', '@/nowhere', '[]']) {
        expect(await evaluate(artifact, spec)).toMatchObject({ code: 3, result: { reason: 'SpecInvalid' } })
      }
      expect(await evaluate(artifact, specOf(artifact), ['--fast'])).toMatchObject({ code: 3 })
      const against = { version: 'x', manifestSha256: artifact.digest, precision: 'fp32' }
      expect(await evaluate(artifact, { ...specOf(artifact), against })).toMatchObject({ code: 3 })
      expect(await evaluate(artifact, specOf(artifact), ['--against', artifact.directory])).toMatchObject({ code: 3 })
      const file = join(temporaryDirectory('spec'), 'spec.json')
      writeFileSync(file, JSON.stringify(specOf(artifact)))
      expect(await evaluate(artifact, `@${file}`)).toMatchObject({ code: 0 })
    },
    TIMEOUT_MS,
  )

  test(
    'says that it was interrupted, and leaves no report',
    async () => {
      const rows = Array.from({ length: 60_000 }, (_, id) =>
        JSON.stringify({ id, text: 'a good film', label: 'positive' }),
      )
      const artifact = writeTinyArtifact({ files: { 'evaluation.jsonl': rows.join('\n') } })
      const messagePath = join(temporaryDirectory('termination'), 'message')
      const child = startEntry(
        'evaluate.ts',
        ['--artifact', artifact.directory, '--spec', JSON.stringify(specOf(artifact))],
        {
          TERMINATION_MESSAGE_PATH: messagePath,
        },
      )
      await child.waitFor(/artifact verified/)
      child.process.kill('SIGTERM')
      expect(await child.exited).toBe(1)
      const result = evaluatorResult.parse(JSON.parse(readFileSync(messagePath, 'utf8')))
      expect(result).toMatchObject({ result: 'Failed', reason: 'Interrupted', message: 'stopped by SIGTERM' })
      expect(readdirSync(artifact.directory)).not.toContain('evaluation-2.json')
    },
    TIMEOUT_MS,
  )
})
