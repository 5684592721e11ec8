/**
 * The next step of one ModelVersion: train, evaluate, judge. Pure: everything it knows is in its argument.
 *
 *   Queued -> Training -> Evaluating -> Accepted | Rejected
 *                 \____________\______-> Failed
 */
import type { EvaluatorSpec } from '../../contract/job-spec.ts'
import type { Attempt, ModelVersion, ModelVersionStatus, VersionPhase } from '../api/v1alpha1/model-version.ts'
import type { Blocked as BlockedStatus } from '../api/v1alpha1/condition.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import { newestPod, nextAttempt, opened, outcome, updateLedger } from './attempts.ts'
import { blockedCreation, blockedPod, type Blocked } from './blocked.ts'
import { shortHash } from './canonical-json.ts'
import { clip, isoTime, mergeConditions, rounded, type ConditionFact } from './conditions.ts'
import { durationMs } from './duration.ts'
import { gatesOf, judge, verdictText } from './gates.ts'
import type { JobObservation, Stage } from './observed.ts'
import { servedPrecision } from './precision.ts'

export interface Images {
  trainer: string
  server: string
}

export interface VersionObserved {
  version: ModelVersion
  /** Of the model that owns the version. */
  spec: SentimentModelSpec
  /** The model asks for this version: as its source, its baseline or its pin. */
  isWanted: boolean
  jobs: readonly JobObservation[]
  images: Images
  /** The PersistentVolumeClaim that holds the model's artifacts. */
  claimName: string
  /** The version that answers callers at present. */
  stable?: ModelVersion | undefined
}

export interface VersionPlan {
  start?: { stage: Stage; attempt: number; job: string; inputHash: string; against?: EvaluatorSpec['against'] }
  remove: JobObservation[]
  status: ModelVersionStatus
  requeueAfterMs?: number
}

/** How often a running trainer is asked for its progress. */
const PROGRESS_INTERVAL_MS = 10_000

type Decision = Pick<VersionPlan, 'start' | 'requeueAfterMs'> & {
  remove?: JobObservation[]
  phase: VersionPhase
  message: string
  blocked?: Blocked
  /** Ledger entries that this decision opens or closes. */
  entries?: Attempt[]
}

export function planVersion(observed: VersionObserved, now: number): VersionPlan {
  const before = observed.version.status
  const ledger = updateLedger(before?.attempts ?? [], observed.jobs, now)
  const facts = { ...trainedFacts(observed), ...evaluatedFacts(observed) }
  const decision = decide(observed, ledger, facts, now)

  const attempts = applyEntries(ledger, decision.entries ?? [])
  const generation = observed.version.metadata.generation ?? 1
  const progress = observed.jobs.find((job) => !job.finished)?.progress
  const status: ModelVersionStatus = {
    observedGeneration: generation,
    phase: decision.phase,
    attempts,
    ...facts,
    ...(decision.phase === 'Training' && progress && { progress }),
    ...verdictFacts(observed, facts, decision.phase),
    ...(decision.blocked && { blocked: withSince(decision.blocked, before?.blocked, now) }),
    conditions: mergeConditions(before?.conditions ?? [], conditionFacts(decision, facts), generation, now),
  }
  return {
    remove: decision.remove ?? [],
    status,
    ...(decision.start && { start: decision.start }),
    ...(decision.requeueAfterMs !== undefined && { requeueAfterMs: decision.requeueAfterMs }),
  }
}

type Facts = Pick<ModelVersionStatus, 'artifact' | 'training' | 'evaluation'>

/** What an attempt found out stays known after its Job is gone. */
function trainedFacts({ version, jobs, claimName }: VersionObserved): Pick<Facts, 'artifact' | 'training'> {
  if (version.status?.artifact) {
    const { artifact, training } = version.status
    return { artifact, ...(training && { training }) }
  }
  for (const job of jobs.filter(isStage('train'))) {
    const result = outcome(job)
    if (result.kind === 'succeeded') {
      return {
        artifact: { claimName, path: version.metadata.name, manifestSha256: result.value.manifestSha256 },
        training: result.value.metrics,
      }
    }
  }
  return {}
}

function evaluatedFacts({ version, jobs }: VersionObserved): Pick<Facts, 'evaluation'> {
  if (version.status?.evaluation) return { evaluation: version.status.evaluation }
  for (const job of jobs.filter(isStage('evaluate'))) {
    const result = outcome(job)
    if (result.kind === 'succeeded') return { evaluation: { report: result.value.report, ...result.value.summary } }
  }
  return {}
}

const isStage =
  <S extends Stage>(stage: S) =>
  (job: JobObservation): job is JobObservation & { stage: S } =>
    job.stage === stage

function decide(observed: VersionObserved, ledger: readonly Attempt[], facts: Facts, now: number): Decision {
  // An accepted version stays accepted: later gates are for later versions, and what serves must not lose its ground.
  if (observed.version.status?.phase === 'Accepted')
    return { phase: 'Accepted', message: acceptedMessage(observed.version.status) }
  if (facts.artifact && facts.evaluation) return judged(observed, facts.evaluation)

  const stage: Stage = facts.artifact ? 'evaluate' : 'train'
  const active = observed.jobs.filter((job) => !job.finished)
  if (active.some((job) => job.deleting)) return { phase: 'Queued', message: 'waiting for the previous Job to end' }
  const job = active.find((candidate) => candidate.stage === stage)
  if (!observed.isWanted) return superseded(active, ledger, now)
  return job ? watch(observed, job, ledger, now) : begin(observed, stage, ledger, now)
}

function judged(observed: VersionObserved, summary: NonNullable<Facts['evaluation']>): Decision {
  const verdict = judge(summary, gatesOf(observed.version.spec, observed.spec.gates), observed.spec.serving.precision)
  const message = verdictText(verdict, summary)
  if (verdict.accepted) return { phase: 'Accepted', message }
  const object = `ModelVersion/${observed.version.metadata.name}`
  return { phase: 'Rejected', message, blocked: { reason: 'GateFailed', object, message } }
}

/** The model asks for something else now: its GPU is given back, and what the run had saved is used if it is asked for again. */
function superseded(active: readonly JobObservation[], ledger: readonly Attempt[], now: number): Decision {
  const entries = active.flatMap((job) => {
    const entry = ledger.find((candidate) => candidate.job === job.name)
    return entry ? [supersede(entry, 'the model asks for another version now', now)] : []
  })
  return { phase: 'Queued', message: 'not asked for by the model at present', remove: [...active], entries }
}

const supersede = (entry: Attempt, message: string, now: number): Attempt => ({
  ...entry,
  result: 'Superseded',
  reason: 'Superseded',
  message,
  finishedAt: isoTime(now),
})

function watch(observed: VersionObserved, job: JobObservation, ledger: readonly Attempt[], now: number): Decision {
  const phase = job.stage === 'train' ? 'Training' : 'Evaluating'
  const started = hasStarted(job)
  const entry = ledger.find((candidate) => candidate.job === job.name)

  const isOutdated = job.inputHash !== inputHash(observed.spec) || job.image !== imageOf(job.stage, observed)
  if (!started && isOutdated && entry) {
    const message = 'replaced before it started: how it is to run has changed'
    return { phase, message, remove: [job], entries: [supersede(entry, message, now)] }
  }

  const culprit = culpritOf(job, now)
  // Of the newest pod: one that was evicted has a successor, which may wait as long again.
  const waitingSince = newestPod(job)?.createdAt ?? job.createdAt
  const deadline = waitingSince + durationMs(observed.spec.job.deadlines.pending)
  if (!started && now >= deadline && entry) {
    const message = `not started within spec.job.deadlines.pending (${observed.spec.job.deadlines.pending})${culprit ? `: ${culprit.message}` : ''}`
    const failed: Attempt = {
      ...entry,
      result: 'Failed',
      reason: culprit?.reason ?? 'PendingDeadlineExceeded',
      message: clip(message),
      finishedAt: isoTime(now),
    }
    return { phase, message, remove: [job], entries: [failed], ...(culprit && { blocked: culprit }) }
  }
  const what = job.stage === 'train' ? 'training' : 'evaluation'
  return {
    phase,
    message: culprit?.message ?? `${what}, attempt ${job.attempt}${started ? '' : ', starting'}`,
    requeueAfterMs: started ? PROGRESS_INTERVAL_MS : Math.min(PROGRESS_INTERVAL_MS, deadline - now),
    ...(culprit && { blocked: culprit }),
  }
}

function begin(observed: VersionObserved, stage: Stage, ledger: readonly Attempt[], now: number): Decision {
  const hash = inputHash(observed.spec)
  const next = nextAttempt(ledger, stage, hash, observed.spec.job.retries, now)
  const phase = stage === 'train' ? 'Training' : 'Evaluating'
  if (next.kind === 'start') {
    const job = jobName(observed.version.metadata.name, stage, next.attempt)
    return {
      phase,
      message: `attempt ${next.attempt} is being started`,
      start: {
        stage,
        attempt: next.attempt,
        job,
        inputHash: hash,
        ...(stage === 'evaluate' && evaluatedAgainst(observed)),
      },
      entries: [opened(stage, next.attempt, job, hash, now)],
    }
  }
  const last = next.kind === 'exhausted' ? next.last : ledger.filter((entry) => entry.kind === stage).at(-1)
  const cause = `${last?.reason ?? ''}: ${last?.message ?? ''}`
  const blocked: Blocked = {
    reason: last?.reason === 'DataInvalid' ? 'DataInvalid' : stage === 'train' ? 'TrainingFailed' : 'EvaluationFailed',
    object: `Job/${last?.job ?? ''}`,
    message: cause,
  }
  if (next.kind === 'exhausted') return { phase: 'Failed', message: cause, blocked }
  return {
    phase,
    message: `attempt ${last?.number ?? 0} failed, the next one is due: ${cause}`,
    blocked,
    requeueAfterMs: next.until - now,
  }
}

/**
 * What a canary would run beside, as it is now. A baseline is neither: it takes no traffic from anyone. Nothing waits for a stable
 * version, and a later one does not repeat an evaluation: the comparison decides no gate.
 */
function evaluatedAgainst({ version, stable, spec }: VersionObserved): { against?: EvaluatorSpec['against'] } {
  const manifestSha256 = stable?.status?.artifact?.manifestSha256
  if (!stable || manifestSha256 === undefined || stable.metadata.name === version.metadata.name) return {}
  if (version.spec.role === 'baseline' || stable.spec.role === 'baseline') return {}
  return { against: { version: stable.metadata.name, manifestSha256, precision: servedPrecision(stable, spec) } }
}

/** `<version>-train-<n>`: one name, so at most one Job, for each attempt. */
export const jobName = (version: string, stage: Stage, attempt: number) => `${version}-${stage}-${attempt}`

/** Of the way the user wants Jobs to run, without what a running Job need not know. */
export function inputHash(spec: SentimentModelSpec): string {
  const { retries: _retries, deadlines: _deadlines, ...how } = spec.job
  return shortHash(how)
}

export function imageOf(stage: Stage, { spec, images }: Pick<VersionObserved, 'spec' | 'images'>): string {
  return stage === 'train' ? (spec.job.image ?? images.trainer) : (spec.serving.image ?? images.server)
}

function hasStarted(job: JobObservation): boolean {
  const pod = newestPod(job)
  return pod?.containers.some((c) => c.runningSince !== undefined || c.terminated !== undefined) ?? false
}

function culpritOf(job: JobObservation, now: number): Blocked | undefined {
  const refused = job.pods.length === 0 ? job.warnings.find((warning) => warning.reason === 'FailedCreate') : undefined
  if (refused) return blockedCreation(`Job/${job.name}`, refused.message)
  return blockedPod(job.pods, job.warnings, now)
}

function applyEntries(ledger: readonly Attempt[], entries: readonly Attempt[]): Attempt[] {
  const replaced = ledger.map((entry) => entries.find((update) => update.job === entry.job) ?? entry)
  return [...replaced, ...entries.filter((update) => !ledger.some((entry) => entry.job === update.job))]
}

function verdictFacts(observed: VersionObserved, facts: Facts, phase: VersionPhase) {
  if (!facts.evaluation || (phase !== 'Accepted' && phase !== 'Rejected')) return {}
  const before = observed.version.status
  if (before?.phase === 'Accepted') {
    const { precision, gates, accuracy } = before
    return { ...(precision && { precision }), ...(gates && { gates }), ...(accuracy !== undefined && { accuracy }) }
  }
  const gates = gatesOf(observed.version.spec, observed.spec.gates)
  const verdict = judge(facts.evaluation, gates, observed.spec.serving.precision)
  const served = verdict.precision === 'int8' ? facts.evaluation.int8 : facts.evaluation.fp32
  return { precision: verdict.precision, gates: verdict.gates, ...(served && { accuracy: rounded(served.accuracy) }) }
}

/** The status of a version whose next step is not possible: what was known stays, and the culprit is named. */
export function blockedVersionStatus({ metadata, status: before }: ModelVersion, blocked: Blocked, now: number) {
  const generation = metadata.generation ?? 1
  const kept = (before?.conditions ?? []).filter((condition) => condition.type !== 'Blocked')
  return {
    ...before,
    observedGeneration: generation,
    phase: before?.phase ?? 'Queued',
    blocked: withSince(blocked, before?.blocked, now),
    conditions: [...kept, ...mergeConditions(before?.conditions ?? [], [blockedFact(blocked)], generation, now)],
  } satisfies ModelVersionStatus
}

/** `since` is when this very culprit was first seen. */
export function withSince(blocked: Blocked, before: BlockedStatus | undefined, now: number): BlockedStatus {
  const isSame = before?.reason === blocked.reason && before.object === blocked.object
  return { ...blocked, message: clip(blocked.message), since: isSame ? before.since : isoTime(now) }
}

function conditionFacts(decision: Decision, facts: Facts): ConditionFact[] {
  return [
    trainedFact(decision, facts),
    evaluatedFact(decision, facts),
    acceptedFact(decision),
    blockedFact(decision.blocked),
  ]
}

function trainedFact({ phase, message }: Decision, { artifact }: Facts): ConditionFact {
  if (artifact)
    return {
      type: 'Trained',
      status: 'True',
      reason: 'ArtifactWritten',
      message: `artifact ${artifact.manifestSha256}`,
    }
  return { type: 'Trained', status: 'False', reason: phase === 'Failed' ? 'TrainingFailed' : phase, message }
}

function evaluatedFact({ phase, message }: Decision, { artifact, evaluation }: Facts): ConditionFact {
  if (evaluation)
    return { type: 'Evaluated', status: 'True', reason: 'ReportWritten', message: `report ${evaluation.report}` }
  if (!artifact)
    return {
      type: 'Evaluated',
      status: 'Unknown',
      reason: 'NotTrained',
      message: 'there is no artifact to measure yet',
    }
  return { type: 'Evaluated', status: 'False', reason: phase === 'Failed' ? 'EvaluationFailed' : phase, message }
}

function acceptedFact({ phase, message }: Decision): ConditionFact {
  if (phase === 'Accepted') return { type: 'Accepted', status: 'True', reason: 'GatesPassed', message }
  if (phase === 'Rejected') return { type: 'Accepted', status: 'False', reason: 'GateFailed', message }
  if (phase === 'Failed') return { type: 'Accepted', status: 'False', reason: 'Failed', message }
  return { type: 'Accepted', status: 'Unknown', reason: 'NotJudged', message: 'no evaluation yet' }
}

function acceptedMessage(status: ModelVersionStatus): string {
  return status.conditions?.find((condition) => condition.type === 'Accepted')?.message ?? ''
}

export function blockedFact(blocked: Blocked | undefined): ConditionFact {
  return blocked
    ? { type: 'Blocked', status: 'True', reason: blocked.reason, message: `${blocked.object}: ${blocked.message}` }
    : { type: 'Blocked', status: 'False', reason: 'NotBlocked', message: 'nothing is being waited for' }
}
