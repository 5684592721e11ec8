import { expect, test } from 'vitest'
import { TERMINATION_MESSAGE_LIMIT } from '../../contract/names.ts'
import {
  GOLDEN_TEXTS,
  evaluatorResult,
  type EvaluationAgainst,
  type EvaluatorResult,
} from '../../contract/termination.ts'
import { ArtifactError } from '../artifact/artifact-error.ts'
import { INT8_FLAGS } from '../inference/cpu.ts'
import { InferenceError } from '../inference/inference-error.ts'
import { InterruptedError, SpecError, failureOf, terminationMessage } from './outcome.ts'

test.each<[unknown, string, number]>([
  [new SpecError('no spec'), 'SpecInvalid', 3],
  [new ArtifactError('DigestMismatch', 'x', 'differs'), 'ArtifactInvalid', 3],
  [new InferenceError('InferenceFailed', 'gave no finite numbers'), 'ArtifactInvalid', 3],
  [new InferenceError('WorkerLost', 'died'), 'InternalError', 1],
  [new InterruptedError('stopped'), 'Interrupted', 1],
  [Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'StorageFull', 1],
  [new Error('?'), 'InternalError', 1],
  ['thrown string', 'InternalError', 1],
])('%s ends as %s with exit code %i', (error, reason, exitCode) => {
  const outcome = failureOf(error)
  expect(outcome).toMatchObject({ result: { reason }, exitCode })
  evaluatorResult.parse(outcome.result)
})

test('a message of any length stays JSON within the limit of the kubelet', () => {
  for (const text of ['x'.repeat(10_000), '\u{1f600}'.repeat(5_000), '"\\'.repeat(5_000), '\u0001'.repeat(5_000)]) {
    const message = terminationMessage(failureOf(new SpecError(text)).result)
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(TERMINATION_MESSAGE_LIMIT)
    evaluatorResult.parse(JSON.parse(message))
  }
})

const DIGEST = `sha256:${'a'.repeat(64)}`
/** As long as a number of the summary gets. */
const LONG = 1.2345678901234567e-10
const COUNT = 999_999_999_999
const CHANGES = {
  disagreements: COUNT,
  negToPos: COUNT,
  posToNeg: COUNT,
  meanDistance: LONG,
  rightToWrong: COUNT,
  wrongToRight: COUNT,
}
/** More than any CPU has. */
const FLAGS = ['avx2', 'avx512f', ...INT8_FLAGS, 'amx_bf16', 'bf16', 'sve']
const VERSION = 'v'.repeat(63)
const COMPARED: EvaluationAgainst = {
  comparable: true,
  version: VERSION,
  manifestSha256: DIGEST,
  precision: 'fp32',
  rows: COUNT,
  fp32: CHANGES,
  int8: CHANGES,
}
const INCOMPARABLE: EvaluationAgainst = {
  comparable: false,
  version: VERSION,
  reason: 'CredentialsRefused',
  message: '\u0001'.repeat(256),
}

function measured(against: EvaluationAgainst, golden: { text: string; label: string }[]): EvaluatorResult {
  return {
    result: 'Succeeded',
    report: 'evaluation-999999999.json',
    summary: {
      manifestSha256: DIGEST,
      parity: { texts: COUNT, tokenMismatches: COUNT, maxLogitDifference: LONG, labelAgreement: LONG },
      rows: COUNT,
      fp32: { accuracy: LONG, macroF1: LONG },
      int8: { accuracy: LONG, macroF1: LONG },
      int8Agreement: { labelAgreement: LONG, maxLogitDifference: LONG, maxScoreDifference: LONG },
      batched: { texts: COUNT, fp32: { maxScoreChange: LONG }, int8: { maxScoreChange: LONG } },
      cost: { tokens: COUNT, fp32Milliseconds: LONG, int8Milliseconds: LONG, cpuFlags: FLAGS },
      against,
      golden,
    },
  }
}

function summaryIn(message: string) {
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(TERMINATION_MESSAGE_LIMIT)
  const result = evaluatorResult.parse(JSON.parse(message))
  if (result.result !== 'Succeeded') throw new Error('failed')
  return result.summary
}

test('the longest golden texts of ordinary characters all fit, beside the longest comparison', () => {
  const texts = Array.from({ length: GOLDEN_TEXTS.count }, (_, index) => `${index}`.padEnd(GOLDEN_TEXTS.bytes, 'x'))
  const golden = texts.map((text) => ({ text, label: 'l'.repeat(63) }))
  expect(summaryIn(terminationMessage(measured(COMPARED, golden)))).toMatchObject({ against: COMPARED, golden })
})

test('golden texts that would not fit are dropped from the end, and nothing else is', () => {
  // Six bytes for each character once it is JSON.
  const text = '\u0001'.repeat(GOLDEN_TEXTS.bytes)
  for (const label of ['l', '\u{1f600}'.repeat(63), '"'.repeat(63), '\u0001'.repeat(63)]) {
    for (const against of [COMPARED, INCOMPARABLE]) {
      const golden = Array.from({ length: GOLDEN_TEXTS.count }, (_, index) => ({ text, label: `${index}${label}` }))
      const summary = summaryIn(terminationMessage(measured(against, golden)))
      expect(summary.against).toEqual(against)
      expect(summary.golden?.length).toBeLessThan(GOLDEN_TEXTS.count)
      expect(summary.golden).toEqual(golden.slice(0, summary.golden?.length))
    }
  }
})
