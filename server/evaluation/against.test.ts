import { expect, test } from 'vitest'
import { evaluationAgainst } from '../../contract/termination.ts'
import { writeTinyArtifact, type TinyArtifact, type TinyArtifactOptions } from '../testing/tiny-artifact.ts'
import { LABELS, tinyOnnx } from '../testing/tiny-model.ts'
import { measureAgainst } from './against.ts'
import { InterruptedError } from './outcome.ts'

const STABLE = 'reviews-0123456789'

const stableOf = (options: TinyArtifactOptions = {}) => writeTinyArtifact({ version: STABLE, ...options })

const answer = (id: number, text: string, ...logits: [number, number]) => ({
  id,
  text,
  logits: Float32Array.from(logits),
  label: Number(logits[1] > logits[0]),
  tokens: 3,
  isTruncated: false,
  isEmpty: false,
})
/** int8 has another opinion on the last text than fp32. */
const CANDIDATE = {
  labels: LABELS,
  fp32: [answer(1, 'good', 0, 9), answer(2, 'bad', 9, 0), answer(3, 'dull', 9, 0)],
  int8: [answer(1, 'good', 0, 9), answer(2, 'bad', 9, 0), answer(3, 'dull', 0, 9)],
}

const measure = (stable: Pick<TinyArtifact, 'directory' | 'digest'>, change: object = {}, signal?: AbortSignal) =>
  measureAgainst({
    stable: {
      directory: stable.directory,
      spec: { version: STABLE, manifestSha256: stable.digest, precision: 'fp32' },
    },
    candidate: CANDIDATE,
    truth: [1, 0, 0],
    log: { info() {}, warn() {} },
    signal,
    ...change,
  })

test('each precision of the candidate is held against the one that stable serves', async () => {
  const stable = stableOf()
  const { summary, worst } = await measure(stable)
  expect(evaluationAgainst.parse(summary)).toMatchObject({
    comparable: true,
    version: STABLE,
    manifestSha256: stable.digest,
    precision: 'fp32',
    rows: 3,
    fp32: { disagreements: 0, rightToWrong: 0, wrongToRight: 0 },
    int8: { disagreements: 1, negToPos: 1, posToNeg: 0, rightToWrong: 1, wrongToRight: 0 },
  })
  expect(worst?.fp32).toEqual({ negToPos: [], posToNeg: [] })
  expect(worst?.int8.negToPos).toMatchObject([{ id: 3, text: 'dull', truth: 'negative' }])
})

test('stable is judged in the precision that it serves', async () => {
  // Its int8 says positive to everything, which nobody would see in fp32.
  const stable = stableOf({ files: { 'model.int8.onnx': tinyOnnx('int8', [-50, 50]) } })
  const spec = { version: STABLE, manifestSha256: stable.digest, precision: 'int8' }
  const { summary } = await measure(stable, { stable: { directory: stable.directory, spec } })
  expect(summary).toMatchObject({ precision: 'int8', fp32: { disagreements: 2, posToNeg: 2 } })
})

test('without known labels nobody is said to have been right', async () => {
  const { summary } = await measure(stableOf(), { truth: undefined })
  expect(summary).toMatchObject({ comparable: true, rows: 3, int8: { disagreements: 1 } })
  expect(JSON.stringify(summary)).not.toMatch(/rightToWrong|wrongToRight/)
})

test.each<[string, () => Pick<TinyArtifact, 'directory' | 'digest'>, string, RegExp]>([
  [
    'other labels',
    () => stableOf({ manifest: (manifest) => ({ ...manifest, labels: ['bad', 'good'] }) }),
    'LabelsDiffer',
    /^its labels are bad, good; those of this version are negative, positive$/,
  ],
  ['no directory', () => ({ ...stableOf(), directory: '/nowhere' }), 'ArtifactInvalid', /no such directory/],
  ['another digest', () => ({ ...stableOf(), digest: `sha256:${'b'.repeat(64)}` }), 'ArtifactInvalid', /has digest/],
  ['another version', () => writeTinyArtifact(), 'ArtifactInvalid', /is of version tiny-1a2b3c4d5e/],
  ['no model', () => stableOf({ files: { 'model.fp32.onnx': 'x' } }), 'ArtifactInvalid', /is no ONNX model/],
  ['no tokenizer', () => stableOf({ files: { 'tokenizer.json': '{}' } }), 'ArtifactInvalid', /tokenizer.json/],
])('a stable artifact with %s is said to be incomparable, and fails nothing', async (_, stable, reason, message) => {
  const { summary, worst } = await measure(stable())
  expect(evaluationAgainst.parse(summary)).toEqual(summary)
  expect(summary).toMatchObject({ comparable: false, version: STABLE, reason })
  expect((summary as { message: string }).message).toMatch(message)
  expect(worst).toBeUndefined()
})

test('labels of any length leave a message that the summary has room for', async () => {
  const labels = Array.from({ length: 64 }, (_, index) => `${index}`.padEnd(63, '\u{1f600}'))
  const { summary } = await measure(stableOf(), { candidate: { ...CANDIDATE, labels } })
  expect(evaluationAgainst.parse(summary)).toMatchObject({ comparable: false, reason: 'LabelsDiffer' })
})

test('an interruption ends the evaluation, and is not taken for a broken artifact', async () => {
  const reason = new InterruptedError('stopped')
  await expect(measure(stableOf(), {}, AbortSignal.abort(reason))).rejects.toBe(reason)
})
