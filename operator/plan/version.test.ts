import { describe, expect, test } from 'vitest'
import type { ModelVersion, ModelVersionStatus } from '../api/v1alpha1/model-version.ts'
import { isoTime } from './conditions.ts'
import {
  acceptedStatus,
  ARTIFACT,
  containerOf,
  DIGEST,
  endedPod,
  evaluated,
  failedJob,
  failedWith,
  IMAGES,
  jobOf,
  modelOf,
  NOW,
  podOf,
  runningPod,
  succeededJob,
  summaryOf,
  trainSource,
  versionObserved,
  versionOf,
} from './testing/factories.ts'
import { blockedVersionStatus, inputHash, planVersion, type VersionObserved } from './version.ts'

const plan = (change: Partial<VersionObserved> = {}, status?: ModelVersionStatus, now = NOW) =>
  planVersion(versionObserved(change, status), now)
const specOf = (change: object) => modelOf({ ...change }).spec
const conditionOf = (status: ModelVersionStatus, type: string) => {
  const found = status.conditions?.find((condition) => condition.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}

/** The status after each of these looks at the Jobs, as one reconcile after the other would leave it. */
function after(...looks: VersionObserved['jobs'][]): ModelVersionStatus {
  return looks.reduce<ModelVersionStatus | undefined>((status, jobs) => plan({ jobs }, status).status, undefined) ?? {}
}

const trainJob = jobOf('train', 1)
const trained = after([], [trainJob], [succeededJob('train')])

describe('training', () => {
  test('a new version starts its first attempt, and the same write enters it in the ledger', () => {
    const { start, status, remove } = plan()
    const hash = inputHash(modelOf().spec)
    expect(start).toEqual({ stage: 'train', attempt: 1, job: trainJob.name, inputHash: hash })
    expect(remove).toEqual([])
    expect(status).toMatchObject({
      observedGeneration: 1,
      phase: 'Training',
      attempts: [{ kind: 'train', number: 1, job: trainJob.name, startedAt: isoTime(NOW), inputHash: hash }],
    })
    expect(conditionOf(status, 'Trained')).toBe('False Training: attempt 1 is being started')
    expect(conditionOf(status, 'Accepted')).toBe('Unknown NotJudged: no evaluation yet')
    expect(conditionOf(status, 'Blocked')).toBe('False NotBlocked: nothing is being waited for')
  })

  test('an operator that died after it made the Job finds it, enters it and starts no other', () => {
    const { start, status } = plan({ jobs: [trainJob] })
    expect(start).toBeUndefined()
    expect(status.attempts).toMatchObject([{ job: trainJob.name, startedAt: isoTime(NOW) }])
  })

  test('an operator that died before it made the Job, but after it wrote it down, makes the next one', () => {
    const { start, status } = plan({}, after([]), NOW)
    expect(start).toBeUndefined()
    expect(status.attempts).toMatchObject([{ number: 1, result: 'Failed', reason: 'JobDeleted' }])
    expect(plan({}, status, NOW + 10_000).start?.attempt).toBe(2)
  })

  test('a running trainer is asked for its progress again and again', () => {
    const running = jobOf('train', 1, { pods: [runningPod()], progress: { ratio: 0.25, step: 10, loss: 0.4 } })
    const { status, requeueAfterMs } = plan({ jobs: [running] }, after([]))
    expect(requeueAfterMs).toBe(10_000)
    expect(status.progress).toEqual({ ratio: 0.25, step: 10, loss: 0.4 })
    expect(conditionOf(status, 'Trained')).toBe('False Training: training, attempt 1')
  })

  test('its result is taken over, and its progress ends', () => {
    expect(trained).toMatchObject({
      phase: 'Evaluating',
      artifact: { claimName: 'reviews-artifacts', path: versionOf(modelOf()).metadata.name, manifestSha256: DIGEST },
      training: { accuracy: 0.9 },
    })
    expect(trained.progress).toBeUndefined()
    expect(conditionOf(trained, 'Trained')).toBe(`True ArtifactWritten: artifact ${DIGEST}`)
  })

  test('what it found out stays known after its Job is gone', () => {
    expect(plan({}, trained).status).toMatchObject({
      artifact: { manifestSha256: DIGEST },
      training: { accuracy: 0.9 },
    })
  })

  test('a failed attempt is waited after, with its cause as the culprit', () => {
    const jobs = [failedJob('train', 1, [endedPod({ reason: 'OOMKilled', exitCode: 137 })])]
    const { start, status, requeueAfterMs } = plan({ jobs }, after([]), NOW + 1000)
    expect(start).toBeUndefined()
    expect(requeueAfterMs).toBe(9000)
    expect(status.phase).toBe('Training')
    expect(status.blocked).toMatchObject({ reason: 'TrainingFailed', object: `Job/${trainJob.name}` })
    expect(status.blocked?.message).toMatch(/^OutOfMemory: container trainer was killed/)
    expect(plan({ jobs }, status, NOW + 10_000).start?.attempt).toBe(2)
  })

  test('bad data fails the version at once', () => {
    const pods = [endedPod({ exitCode: 3, message: failedWith('DataInvalid', 'reviews.csv, row 7: empty text') })]
    const { start, status, requeueAfterMs } = plan({ jobs: [failedJob('train', 1, pods)] }, after([]), NOW + 1e9)
    expect([start, requeueAfterMs]).toEqual([undefined, undefined])
    expect(status.phase).toBe('Failed')
    expect(status.blocked).toMatchObject({
      reason: 'DataInvalid',
      message: 'DataInvalid: reviews.csv, row 7: empty text',
    })
    expect(conditionOf(status, 'Trained')).toBe('False TrainingFailed: DataInvalid: reviews.csv, row 7: empty text')
    expect(conditionOf(status, 'Accepted')).toMatch(/^False Failed/)
  })

  test('the version fails when its retries are used up, and gets new ones when it is to run otherwise', () => {
    const spec = specOf({ job: { retries: 0 } })
    const jobs = [failedJob('train', 1, [endedPod({ exitCode: 1 })])]
    const { status } = plan({ jobs, spec }, after([]), NOW + 1e9)
    expect(status.phase).toBe('Failed')
    const larger = specOf({ job: { retries: 0, resources: { limits: { memory: '8Gi' } } } })
    expect(plan({ jobs, spec: larger }, status, NOW + 1e9).start).toMatchObject({ stage: 'train', attempt: 2 })
  })
})

describe('a Job that waits', () => {
  const unschedulable = podOf({ phase: 'Pending', unschedulable: '0/3 nodes have nvidia.com/gpu' })
  const waiting = (now: number) => plan({ jobs: [jobOf('train', 1, { pods: [unschedulable] })] }, after([]), now)

  test('names its culprit, and keeps the time since when', () => {
    const { status, requeueAfterMs } = waiting(NOW)
    expect(status.blocked).toEqual({
      reason: 'Unschedulable',
      object: 'Pod/pod-1',
      message: '0/3 nodes have nvidia.com/gpu',
      since: isoTime(NOW),
    })
    expect(requeueAfterMs).toBe(10_000)
    const jobs = [jobOf('train', 1, { pods: [unschedulable] })]
    expect(plan({ jobs }, status, NOW + 60_000).status.blocked?.since).toBe(isoTime(NOW))
  })

  test('is looked at again no later than its deadline', () => {
    expect(waiting(NOW + 30 * 60_000 - 2000).requeueAfterMs).toBe(2000)
  })

  test('is a failed attempt at its deadline, with the culprit as the reason', () => {
    const { status, remove } = waiting(NOW + 30 * 60_000)
    expect(remove.map((job) => job.name)).toEqual([trainJob.name])
    expect(status.attempts).toMatchObject([
      {
        result: 'Failed',
        reason: 'Unschedulable',
        message: 'not started within spec.job.deadlines.pending (30m): 0/3 nodes have nvidia.com/gpu',
      },
    ])
  })

  test('without a culprit says that the deadline passed', () => {
    const { status } = plan({ jobs: [trainJob] }, after([]), NOW + 30 * 60_000)
    expect(status.attempts).toMatchObject([{ result: 'Failed', reason: 'PendingDeadlineExceeded' }])
  })

  test('whose pod is not even created names the refusal', () => {
    const warnings = [{ reason: 'FailedCreate', message: 'exceeded quota: gpus', object: 'Job/x', at: NOW }]
    const { status } = plan({ jobs: [jobOf('train', 1, { warnings })] }, after([]))
    expect(status.blocked).toMatchObject({ reason: 'QuotaExceeded', object: `Job/${trainJob.name}` })
  })

  test('is replaced when it is to run otherwise', () => {
    const spec = specOf({ job: { gpu: 1 } })
    const { status, remove, start } = plan({ spec, jobs: [trainJob] }, after([]))
    expect(remove.map((job) => job.name)).toEqual([trainJob.name])
    expect(start).toBeUndefined()
    expect(status.attempts).toMatchObject([{ result: 'Superseded', reason: 'Superseded' }])
    expect(plan({ spec, jobs: [{ ...trainJob, deleting: true }] }, status).start).toBeUndefined()
    expect(plan({ spec }, status).start).toMatchObject({ attempt: 2, inputHash: inputHash(spec) })
  })

  test('is replaced when its image changes, as after an upgrade of the operator', () => {
    const { remove } = plan({ images: { ...IMAGES, trainer: 'trainer:2' }, jobs: [trainJob] }, after([]))
    expect(remove).toHaveLength(1)
  })

  test('a Job that runs is never replaced, and has no deadline for its start', () => {
    const jobs = [jobOf('train', 1, { pods: [runningPod()] })]
    const images = { ...IMAGES, trainer: 'trainer:2' }
    const { remove, start } = plan({ spec: specOf({ job: { gpu: 1 } }), images, jobs }, after([]), NOW + 1e9)
    expect([remove, start]).toEqual([[], undefined])
  })

  test('retries and deadlines are no other way of running it', () => {
    const spec = specOf({ job: { retries: 9, deadlines: { pending: '2h', active: '9h' } } })
    expect(plan({ spec, jobs: [trainJob] }, after([])).remove).toEqual([])
  })
})

describe('a version that the model does not ask for any more', () => {
  test('gives its Job back, running or not, and that is no failure', () => {
    const jobs = [jobOf('train', 1, { pods: [runningPod()] })]
    const { status, remove, start } = plan({ isWanted: false, jobs }, after([]))
    expect(remove.map((job) => job.name)).toEqual([trainJob.name])
    expect(start).toBeUndefined()
    expect(status).toMatchObject({ phase: 'Queued', attempts: [{ result: 'Superseded' }] })
  })

  test('goes on where it was when it is asked for again', () => {
    const { status } = plan({ isWanted: false, jobs: [trainJob] }, after([]))
    expect(plan({ isWanted: false }, status).start).toBeUndefined()
    expect(plan({}, status).start).toMatchObject({ stage: 'train', attempt: 2 })
    const evaluating = plan({ isWanted: false, jobs: [jobOf('evaluate', 1)] }, trained).status
    expect(plan({}, evaluating).start).toMatchObject({ stage: 'evaluate', attempt: 2 })
  })

  test('keeps its verdict', () => {
    expect(plan({ isWanted: false }, acceptedStatus()).status.phase).toBe('Accepted')
  })
})

describe('evaluation', () => {
  const training = after([], [trainJob])
  const begun = (change: Partial<VersionObserved>) => plan({ jobs: [succeededJob('train')], ...change }, training).start

  test('follows the training', () => {
    const { start, status } = plan({ jobs: [succeededJob('train')] }, training)
    expect(start).toMatchObject({ stage: 'evaluate', attempt: 1 })
    expect(status.phase).toBe('Evaluating')
    expect(status.attempts?.map(({ kind, result }) => [kind, result])).toEqual([
      ['train', 'Succeeded'],
      ['evaluate', undefined],
    ])
  })

  test('compares with what is stable when it starts, in the precision that is served', () => {
    const before = versionOf(modelOf(trainSource({ retrainToken: 'before' })), acceptedStatus())
    const against = (change: Partial<VersionObserved>) => begun({ stable: before, ...change })?.against
    expect(against({})).toEqual({
      version: before.metadata.name,
      manifestSha256: DIGEST,
      precision: 'int8',
    })
    expect(against({ spec: specOf({ serving: { precision: 'fp32' } }) })?.precision).toBe('fp32')
    expect(plan({ stable: before }).start).not.toHaveProperty('against')
  })

  test('compares with nothing where nothing is stable that a canary could replace', () => {
    const own = versionOf(modelOf(), acceptedStatus())
    const before = versionOf(modelOf(trainSource({ retrainToken: 'before' })), acceptedStatus())
    const isBaseline = (version: ModelVersion): ModelVersion => ({
      ...version,
      spec: { ...version.spec, role: 'baseline' },
    })
    const withoutArtifact: ModelVersion = { ...before, status: { phase: 'Accepted' } }
    for (const change of [
      {},
      { stable: own },
      { stable: isBaseline(before) },
      { stable: withoutArtifact },
      { stable: before, version: isBaseline(versionOf(modelOf(), training)) },
    ]) {
      expect(begun(change)).toMatchObject({ stage: 'evaluate', attempt: 1 })
      expect(begun(change)).not.toHaveProperty('against')
    }
  })

  test('that runs out of attempts fails the version, whose artifact stays', () => {
    const jobs = [failedJob('evaluate', 1, [endedPod({ exitCode: 3, message: failedWith('ArtifactInvalid', 'x') })])]
    const { status } = plan({ jobs }, trained)
    expect(status.phase).toBe('Failed')
    expect(status.artifact).toBeDefined()
    expect(status.blocked).toMatchObject({ reason: 'EvaluationFailed', message: 'ArtifactInvalid: x' })
    expect(conditionOf(status, 'Trained')).toMatch(/^True/)
    expect(conditionOf(status, 'Evaluated')).toBe('False EvaluationFailed: ArtifactInvalid: x')
  })
})

describe('the verdict', () => {
  const judgedWith = (change: object, summary = summaryOf()) =>
    plan({ spec: specOf(change), jobs: [succeededJob('evaluate', 1, evaluated(summary))] }, trained)

  test('a version that passes its gates is accepted, with precision, accuracy and gates on record', () => {
    const { status, start, requeueAfterMs } = judgedWith({ gates: { minAccuracy: 0.86 } })
    expect([start, requeueAfterMs]).toEqual([undefined, undefined])
    expect(status).toMatchObject({ phase: 'Accepted', precision: 'int8', accuracy: 0.888 })
    expect(status.evaluation).toEqual({ report: 'evaluation-1.json', ...summaryOf() })
    expect(status.gates?.every((gate) => gate.passed)).toBe(true)
    expect(conditionOf(status, 'Evaluated')).toBe('True ReportWritten: report evaluation-1.json')
    expect(conditionOf(status, 'Accepted')).toBe(
      'True GatesPassed: accuracy 0.888, macro F1 0.879 on 1000 rows, served as int8',
    )
  })

  test('a version under its floor is rejected with the numbers', () => {
    const { status } = judgedWith({ gates: { minAccuracy: 0.95 } })
    expect(status.phase).toBe('Rejected')
    expect(status.blocked).toMatchObject({
      reason: 'GateFailed',
      message: 'minAccuracy: wanted >= 0.95, measured 0.888',
    })
    expect(conditionOf(status, 'Accepted')).toBe('False GateFailed: minAccuracy: wanted >= 0.95, measured 0.888')
  })

  test('a comparison with the stable version is on record and changes no verdict, however bad it is', () => {
    const changes = { disagreements: 999, negToPos: 999, posToNeg: 0, meanDistance: 0.9, rightToWrong: 999 }
    const figures = { rows: 1000, fp32: changes, int8: changes }
    const against = { ...figures, comparable: true, version: 'v', manifestSha256: DIGEST, precision: 'fp32' } as const
    const golden = [{ text: 'good', label: 'positive' }]
    const judgedWith = (summary: Partial<ReturnType<typeof summaryOf>>) =>
      plan({ jobs: [succeededJob('evaluate', 1, evaluated(summaryOf(summary)))] }, trained).status
    const { evaluation, ...verdict } = judgedWith({ against, golden })
    expect(evaluation).toMatchObject({ against, golden })
    expect(verdict).toEqual({ ...judgedWith({}), evaluation: undefined })
    expect(verdict.phase).toBe('Accepted')
  })

  test('a rejected version is judged anew when the gates change, without another run', () => {
    const rejected = judgedWith({ gates: { minAccuracy: 0.95 } }).status
    const { status, start } = plan({ spec: specOf({ gates: { minAccuracy: 0.8 } }) }, rejected)
    expect(start).toBeUndefined()
    expect(status.phase).toBe('Accepted')
    expect(status.blocked).toBeUndefined()
  })

  test('in mode Observe it is accepted, and the missed gate is on record', () => {
    const { status } = judgedWith({ gates: { minAccuracy: 0.95, mode: 'Observe' } })
    expect(status.phase).toBe('Accepted')
    expect(status.gates?.filter((gate) => !gate.passed).map((gate) => gate.name)).toEqual(['minAccuracy'])
  })

  test('an accepted version stays accepted under later gates, word for word', () => {
    const before = judgedWith({}).status
    const { status } = plan(
      { spec: specOf({ gates: { minAccuracy: 1 }, serving: { precision: 'int8' } }) },
      before,
      NOW + 5,
    )
    expect(status).toEqual(before)
  })
})

test('a step that is not possible names its culprit and takes back nothing that is known', () => {
  const blocked = { reason: 'NameTaken', object: 'Job/x', message: 'm' } as const
  const status = blockedVersionStatus(versionOf(modelOf(), trained), blocked, NOW)
  expect(status).toMatchObject({ phase: 'Evaluating', artifact: trained.artifact, blocked: { since: isoTime(NOW) } })
  expect(conditionOf(status, 'Blocked')).toBe('True NameTaken: Job/x: m')
  expect(conditionOf(status, 'Trained')).toMatch(/^True/)
  expect(blockedVersionStatus(versionOf(modelOf()), blocked, NOW).phase).toBe('Queued')
})

test('a look that finds nothing new writes the very same status', () => {
  const jobs = [jobOf('train', 1, { pods: [podOf({ phase: 'Pending', containers: [containerOf()] })] })]
  const once = plan({ jobs }, after([]), NOW + 1000).status
  expect(plan({ jobs }, once, NOW + 7000).status).toEqual(once)
  expect(plan({}, acceptedStatus({ artifact: ARTIFACT })).status.phase).toBe('Accepted')
})
