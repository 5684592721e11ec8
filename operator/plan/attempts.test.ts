import { describe, expect, test } from 'vitest'
import type { Attempt } from '../api/v1alpha1/model-version.ts'
import { nextAttempt, opened, outcome, updateLedger } from './attempts.ts'
import { isoTime } from './conditions.ts'
import {
  containerOf,
  DIGEST,
  endedPod,
  evaluated,
  failedJob,
  failedWith,
  jobOf,
  NOW,
  podOf,
  succeededJob,
  summaryOf,
  terminationOf,
  TRAINED,
} from './testing/factories.ts'

describe('the outcome of a Job', () => {
  const failureOf = (pod: Parameters<typeof failedJob>[2][number]) => {
    const result = outcome(failedJob('train', 1, [pod]))
    return result.kind === 'failed' ? result.failure : result
  }

  test('a Job that has not finished is running, whatever its pod did', () => {
    expect(outcome(jobOf('train', 1, { pods: [endedPod({ exitCode: 1 })] }))).toEqual({ kind: 'running' })
  })

  test('a trainer that succeeded says what it made', () => {
    expect(outcome(succeededJob('train'))).toEqual({
      kind: 'succeeded',
      value: { result: 'Succeeded', manifestSha256: DIGEST, metrics: { accuracy: 0.9 } },
    })
  })

  test('an evaluator that succeeded says what it measured', () => {
    expect(outcome(succeededJob('evaluate'))).toEqual({
      kind: 'succeeded',
      value: { result: 'Succeeded', report: 'evaluation-1.json', summary: summaryOf() },
    })
  })

  test.each([
    ['nothing', ''],
    ['half a message', TRAINED.slice(0, 20)],
    ['the message of the other stage', evaluated()],
    ['no digest', JSON.stringify({ result: 'Succeeded', manifestSha256: 'abc', metrics: {} })],
    ['a failure', failedWith('InternalError', 'x')],
  ])('a trainer that ended with 0 and left %s has lost its result, which is worth another attempt', (_, message) => {
    expect(outcome(succeededJob('train', 1, message))).toMatchObject({
      kind: 'failed',
      failure: { reason: 'ResultLost', isPermanent: false, message: expect.stringContaining('left no result') },
    })
  })

  test('a Job whose pod was removed before it was read has lost its result', () => {
    const job = { ...succeededJob('train'), pods: [] }
    expect(outcome(job)).toEqual({
      kind: 'failed',
      failure: {
        reason: 'ResultLost',
        message: 'the pod was removed before its result was read',
        isPermanent: false,
      },
    })
  })

  test('a container killed at its memory limit is told apart from its exit code, and says what to raise', () => {
    expect(failureOf(endedPod({ reason: 'OOMKilled', exitCode: 137 }))).toEqual({
      reason: 'OutOfMemory',
      message: 'container trainer was killed at its memory limit; raise spec.job.resources.limits.memory',
      isPermanent: false,
    })
  })

  test('a run beyond its deadline is told apart from the kill that ended it', () => {
    const pod = endedPod({ reason: 'Error', exitCode: 143 }, { reason: 'DeadlineExceeded' })
    expect(failureOf(pod)).toMatchObject({ reason: 'ActiveDeadlineExceeded', isPermanent: false })
  })

  test('exit code 3 is permanent, with the words of the trainer', () => {
    const message = failedWith('DataInvalid', 'reviews.csv, row 7: unknown label "meh"')
    expect(failureOf(endedPod({ reason: 'Error', exitCode: 3, message }))).toEqual({
      reason: 'DataInvalid',
      message: 'reviews.csv, row 7: unknown label "meh"',
      isPermanent: true,
    })
  })

  test('exit code 4 is retried, with the words of the trainer', () => {
    const message = failedWith('SourceUnavailable', 'the Hub answers 503')
    expect(failureOf(endedPod({ exitCode: 4, message }))).toEqual({
      reason: 'SourceUnavailable',
      message: 'the Hub answers 503',
      isPermanent: false,
    })
  })

  test('a container that left no words is quoted by the last line of its log', () => {
    const pod = podOf({
      phase: 'Failed',
      containers: [
        containerOf({ terminated: terminationOf({ exitCode: 1 }), lastLogLine: 'ImportError: no module torch' }),
      ],
    })
    expect(failureOf(pod)).toEqual({
      reason: 'ContainerFailed',
      message: 'exit code 1: ImportError: no module torch',
      isPermanent: false,
    })
    expect(failureOf(endedPod({ exitCode: 1 }))).toMatchObject({ message: 'exit code 1' })
  })

  test('a pod that was evicted before its container ran says so', () => {
    const pod = podOf({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory' })
    expect(failureOf(pod)).toEqual({ reason: 'Evicted', message: 'The node was low on memory', isPermanent: false })
  })

  test('without a witness the Job speaks for itself', () => {
    expect(outcome(failedJob('train', 1, []))).toEqual({
      kind: 'failed',
      failure: { reason: 'BackoffLimitExceeded', message: 'Job has reached its limit', isPermanent: false },
    })
  })

  test('of several pods of an attempt the last one counts: the evicted one was replaced', () => {
    const evicted = endedPod({ exitCode: 137 }, { name: 'a', reason: 'Evicted', createdAt: NOW })
    const second = endedPod({ message: TRAINED }, { name: 'b', createdAt: NOW + 1000 })
    expect(outcome({ ...succeededJob('train'), pods: [second, evicted] }).kind).toBe('succeeded')
  })
})

const entry = (number: number, change: Partial<Attempt> = {}): Attempt => ({
  ...opened('train', number, jobOf('train', number).name, 'hash', NOW),
  ...change,
})
const failed = (number: number, change: Partial<Attempt> = {}) =>
  entry(number, { result: 'Failed', reason: 'ContainerFailed', message: 'm', finishedAt: isoTime(NOW), ...change })

describe('the ledger', () => {
  test('an open entry whose Job runs stays open', () => {
    expect(updateLedger([entry(1)], [jobOf('train', 1)], NOW)).toEqual([entry(1)])
  })

  test('an entry is closed with how its Job ended, at the time when it ended', () => {
    expect(updateLedger([entry(1)], [succeededJob('train')], NOW + 5000)).toEqual([
      entry(1, { result: 'Succeeded', finishedAt: isoTime(NOW) }),
    ])
    const job = failedJob('train', 1, [endedPod({ exitCode: 3, message: failedWith('DataInvalid', 'row 7') })], NOW)
    expect(updateLedger([entry(1)], [job], NOW + 5000)).toEqual([
      entry(1, {
        result: 'Failed',
        reason: 'DataInvalid',
        message: 'row 7',
        finishedAt: isoTime(NOW),
        permanent: true,
      }),
    ])
  })

  test('a closed entry is never written anew, although its pods are gone by then', () => {
    const done = entry(1, { result: 'Succeeded', finishedAt: isoTime(NOW) })
    expect(updateLedger([done], [{ ...succeededJob('train'), pods: [] }], NOW + 5000)).toEqual([done])
  })

  test('a Job that the ledger does not know is entered, so that an operator that died in between starts no second one', () => {
    const job = jobOf('train', 1, { createdAt: NOW - 1000 })
    expect(updateLedger([], [job], NOW)).toEqual([opened('train', 1, job.name, job.inputHash, NOW - 1000)])
    expect(updateLedger([], [succeededJob('train')], NOW)).toMatchObject([{ number: 1, result: 'Succeeded' }])
  })

  test('an open entry whose Job is gone is closed as a failure', () => {
    expect(updateLedger([entry(1)], [], NOW)).toEqual([
      entry(1, {
        result: 'Failed',
        reason: 'JobDeleted',
        message: 'the Job was deleted before it ended',
        finishedAt: isoTime(NOW),
      }),
    ])
  })

  test('entries are in the order of stage and number, and the latest forty are kept', () => {
    const many = Array.from({ length: 39 }, (_, index) => failed(index + 1))
    const ledger = updateLedger(many, [jobOf('evaluate', 1), jobOf('train', 40)], NOW)
    expect(ledger).toHaveLength(40)
    expect(ledger.map(({ kind, number }) => `${kind} ${number}`).slice(-2)).toEqual(['train 40', 'evaluate 1'])
    expect(ledger[0]?.number).toBe(2)
  })

  test('a long message is clipped', () => {
    const job = failedJob('train', 1, [
      endedPod({ exitCode: 1, message: failedWith('InternalError', 'x'.repeat(2048)) }),
    ])
    expect(updateLedger([entry(1)], [job], NOW)[0]?.message).toHaveLength(1024)
  })
})

describe('the next attempt', () => {
  const next = (ledger: Attempt[], now = NOW, inputHash = 'hash', retries = 3) =>
    nextAttempt(ledger, 'train', inputHash, retries, now)

  test('the first one starts at once', () => {
    expect(next([])).toEqual({ kind: 'start', attempt: 1 })
  })

  test.each([
    [1, 10_000],
    [2, 20_000],
    [3, 40_000],
  ])('after failure %d it waits %d ms', (failures, delay) => {
    const ledger = Array.from({ length: failures }, (_, index) => failed(index + 1))
    expect(next(ledger)).toEqual({ kind: 'wait', until: NOW + delay })
    expect(next(ledger, NOW + delay - 1).kind).toBe('wait')
    expect(next(ledger, NOW + delay)).toEqual({ kind: 'start', attempt: failures + 1 })
  })

  test('it never waits longer than five minutes', () => {
    const ledger = Array.from({ length: 9 }, (_, index) => failed(index + 1))
    expect(next(ledger, NOW, 'hash', 10)).toEqual({ kind: 'wait', until: NOW + 300_000 })
  })

  test('with all retries used up it ends with the last failure', () => {
    const ledger = [failed(1), failed(2)]
    expect(next(ledger, NOW, 'hash', 1)).toEqual({ kind: 'exhausted', last: ledger[1] })
    expect(next([failed(1)], NOW, 'hash', 0)).toEqual({ kind: 'exhausted', last: failed(1) })
  })

  test('another way of running it counts anew, and goes on with the numbers', () => {
    expect(next([failed(1), failed(2)], NOW, 'larger-memory', 1)).toEqual({ kind: 'start', attempt: 3 })
  })

  test('back to a way of running it that has failed, its failures count again', () => {
    const ledger = [failed(1), failed(2, { inputHash: 'larger-memory' })]
    expect(next(ledger, NOW, 'hash', 0)).toEqual({ kind: 'exhausted', last: ledger[0] })
  })

  test('what the same input can only repeat is never tried again, however it is run', () => {
    const permanent = failed(1, { permanent: true })
    expect(next([permanent], NOW + 1e9, 'larger-memory', 10)).toEqual({ kind: 'exhausted', last: permanent })
  })

  test('attempts that were superseded are no failures', () => {
    const superseded = entry(1, { result: 'Superseded', finishedAt: isoTime(NOW) })
    expect(next([superseded], NOW, 'hash', 0)).toEqual({ kind: 'start', attempt: 2 })
  })

  test('each stage has its own count', () => {
    expect(nextAttempt([failed(1), failed(2)], 'evaluate', 'hash', 1, NOW)).toEqual({ kind: 'start', attempt: 1 })
  })
})
