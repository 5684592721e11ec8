import { expect, test } from 'vitest'
import { TERMINATION_MESSAGE_LIMIT } from '../../contract/names.ts'
import { evaluatorResult } from '../../contract/termination.ts'
import { ArtifactError } from '../artifact/artifact-error.ts'
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
