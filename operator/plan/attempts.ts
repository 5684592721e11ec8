/** What became of a Job, and whether there is to be another one. */
import { EXIT_CODES } from '../../contract/names.ts'
import { evaluatorResult, trainerResult, type EvaluatorResult, type TrainerResult } from '../../contract/termination.ts'
import type { Attempt } from '../api/v1alpha1/model-version.ts'
import { clip, isoTime } from './conditions.ts'
import {
  STAGE_CONTAINERS,
  type ContainerObservation,
  type JobObservation,
  type PodObservation,
  type Stage,
  type Termination,
} from './observed.ts'

export type StageResult<S extends Stage> = S extends 'train'
  ? Extract<TrainerResult, { result: 'Succeeded' }>
  : Extract<EvaluatorResult, { result: 'Succeeded' }>

export interface Failure {
  reason: string
  message: string
  /** The same input fails again: never retried. */
  isPermanent: boolean
}

export type Outcome<S extends Stage> =
  { kind: 'running' } | { kind: 'succeeded'; value: StageResult<S> } | { kind: 'failed'; failure: Failure }

const PARSERS = { train: trainerResult, evaluate: evaluatorResult } as const

/** Reads a Job's outcome from the pod that ended it. Pods are the witness: a Job's own conditions say only that it failed. */
export function outcome<S extends Stage>(job: JobObservation & { stage: S }): Outcome<S> {
  if (!job.finished) return { kind: 'running' }
  const pod = newestPod(job)
  const worker = pod?.containers.find((container) => container.name === STAGE_CONTAINERS[job.stage])
  const end = worker?.terminated
  if (job.finished.succeeded) return succeeded(job.stage, end)
  return { kind: 'failed', failure: failureOf(job, pod, worker) }
}

function succeeded<S extends Stage>(stage: S, end: Termination | undefined): Outcome<S> {
  const parsed = PARSERS[stage].safeParse(parseJson(end?.message ?? ''))
  if (parsed.success && parsed.data.result === 'Succeeded')
    return { kind: 'succeeded', value: parsed.data as StageResult<S> }
  // The pod may have been removed before it was read. Another attempt finds the finished artifact and says what it holds.
  const message = end
    ? `the container ended with 0 but left no result: ${clip(end.message, 256)}`
    : 'the pod was removed before its result was read'
  return { kind: 'failed', failure: { reason: 'ResultLost', message, isPermanent: false } }
}

function failureOf(
  job: JobObservation,
  pod: PodObservation | undefined,
  worker: ContainerObservation | undefined,
): Failure {
  const end = worker?.terminated
  if (end?.reason === 'OOMKilled') {
    return {
      reason: 'OutOfMemory',
      message: `container ${STAGE_CONTAINERS[job.stage]} was killed at its memory limit; raise spec.job.resources.limits.memory`,
      isPermanent: false,
    }
  }
  if (pod?.reason === 'DeadlineExceeded') {
    return {
      reason: 'ActiveDeadlineExceeded',
      message: 'the run took longer than spec.job.deadlines.active',
      isPermanent: false,
    }
  }
  if (end) {
    const isPermanent = end.exitCode === EXIT_CODES.invalid
    const said = PARSERS[job.stage].safeParse(parseJson(end.message))
    if (said.success && said.data.result === 'Failed')
      return { reason: said.data.reason, message: said.data.message, isPermanent }
    const line = worker.lastLogLine ?? end.message
    return {
      reason: 'ContainerFailed',
      message: `exit code ${end.exitCode}${line === '' ? '' : `: ${clip(line, 512)}`}`,
      isPermanent,
    }
  }
  if (pod?.reason !== undefined) return { reason: pod.reason, message: pod.message ?? '', isPermanent: false }
  return { reason: job.finished?.reason ?? 'JobFailed', message: job.finished?.message ?? '', isPermanent: false }
}

export function newestPod({ pods }: Pick<JobObservation, 'pods'>): PodObservation | undefined {
  return [...pods].sort((a, b) => b.createdAt - a.createdAt)[0]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The ledger after this look at the Jobs: entries of finished Jobs are closed, Jobs that the ledger does not know yet are
 * entered (the operator may have died between creating one and writing it down), and an open entry whose Job is gone is closed.
 */
export function updateLedger(before: readonly Attempt[], jobs: readonly JobObservation[], now: number): Attempt[] {
  const known = before.map((entry) => {
    if (entry.result !== undefined) return entry
    const job = jobs.find((candidate) => candidate.name === entry.job)
    if (job) return close(entry, job)
    return {
      ...entry,
      result: 'Failed',
      reason: 'JobDeleted',
      message: 'the Job was deleted before it ended',
      finishedAt: isoTime(now),
    } as const
  })
  const entered = jobs
    .filter((job) => !before.some((entry) => entry.job === job.name))
    .map((job) => close(opened(job.stage, job.attempt, job.name, job.inputHash, job.createdAt), job))
  const ledger = [...known, ...entered].sort((a, b) => stageOrder(a) - stageOrder(b) || a.number - b.number)
  return ledger.slice(-LEDGER_LIMIT)
}

/** Entries kept in a version's status. */
const LEDGER_LIMIT = 40

const stageOrder = (entry: Attempt) => (entry.kind === 'train' ? 0 : 1)

export function opened(stage: Stage, attempt: number, job: string, inputHash: string, at: number): Attempt {
  return { kind: stage, number: attempt, job, inputHash, startedAt: isoTime(at) }
}

function close(entry: Attempt, job: JobObservation): Attempt {
  const result = outcome(job)
  if (result.kind === 'running' || !job.finished) return entry
  const finishedAt = isoTime(job.finished.at)
  if (result.kind === 'succeeded') return { ...entry, result: 'Succeeded', finishedAt }
  const { reason, message, isPermanent } = result.failure
  return {
    ...entry,
    result: 'Failed',
    reason,
    message: clip(message),
    finishedAt,
    ...(isPermanent && { permanent: true }),
  }
}

export type NextAttempt =
  | { kind: 'start'; attempt: number }
  | { kind: 'wait'; until: number }
  /** No further attempt: the failure that ended it. */
  | { kind: 'exhausted'; last: Attempt }

const FIRST_DELAY_MS = 10_000
const LONGEST_DELAY_MS = 300_000

/**
 * Whether to start the next attempt of a stage that has neither succeeded nor an active Job. Failures count per way of running
 * it (`inputHash`): a corrected image or a larger memory limit starts the count anew. The n-th failure waits 10 s * 2^(n-1),
 * at most 5 min: 10, 20, 40, ...
 */
export function nextAttempt(
  ledger: readonly Attempt[],
  stage: Stage,
  inputHash: string,
  retries: number,
  now: number,
): NextAttempt {
  const past = ledger.filter((entry) => entry.kind === stage)
  const last = past.at(-1)
  const attempt = (last?.number ?? 0) + 1
  const permanent = past.find((entry) => entry.permanent === true)
  if (permanent) return { kind: 'exhausted', last: permanent }

  const failures = past.filter((entry) => entry.inputHash === inputHash && entry.result === 'Failed')
  const latest = failures.at(-1)
  if (!latest) return { kind: 'start', attempt }
  if (failures.length > retries) return { kind: 'exhausted', last: latest }

  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures.length - 1))
  const until = Date.parse(latest.finishedAt ?? latest.startedAt) + delay
  return until <= now ? { kind: 'start', attempt } : { kind: 'wait', until }
}
