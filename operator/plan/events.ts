/** The events that a status change deserves. They are recorded only after the write that records the change itself. */
import type { ModelVersionStatus } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'

export interface EventFact {
  type: 'Normal' | 'Warning'
  reason: string
  action: string
  note: string
}

export function modelEvents(before: SentimentModelStatus | undefined, after: SentimentModelStatus): EventFact[] {
  const known = new Set(before?.promotions?.map((entry) => `${entry.version} ${entry.time}`))
  const promoted = (after.promotions ?? []).filter((entry) => !known.has(`${entry.version} ${entry.time}`))
  return [
    ...promoted.map((entry): EventFact => ({
      type: 'Normal',
      reason: 'Promoted',
      action: 'SwitchTraffic',
      note: `${entry.version} (${entry.digest}) answers${entry.from === undefined ? '' : ` instead of ${entry.from}`}: ${entry.reason}`,
    })),
    ...rolloutEvents(before?.rollout, after.rollout),
    ...blockedEvent(before?.blocked, after.blocked),
    ...autoscalingEvent(before, after),
  ]
}

type Rollout = SentimentModelStatus['rollout']

const ENTERED: Partial<Record<NonNullable<Rollout>['phase'], string>> = {
  Starting: 'RolloutStarted',
  Rehearsing: 'CandidateReady',
  Shadowing: 'ShadowStarted',
  Stepping: 'StepStarted',
  AwaitingApproval: 'ApprovalWanted',
  Promoting: 'PromotionStarted',
  RolledBack: 'RolledBack',
  Aborted: 'RolloutAborted',
  Superseded: 'RolloutSuperseded',
}

/** One for each transition; the promotion itself is that of the promotions. */
function rolloutEvents(before: Rollout, after: Rollout): EventFact[] {
  if (!after) return []
  const isSame = before?.version === after.version && before.startedAt === after.startedAt
  const hasMoved = !isSame || before.phase !== after.phase || before.step !== after.step
  const note = `${after.version}: ${after.message}`
  const entered: EventFact = {
    type: after.phase === 'RolledBack' ? 'Warning' : 'Normal',
    reason: ENTERED[after.phase] ?? after.phase,
    action: 'Rollout',
    note: after.endedAt === undefined ? note : `${after.version}: ${after.reason}: ${after.message}`,
  }
  const isHeld = isSame && before.reason !== after.reason && after.reason === 'DeadlineExceeded'
  const held: EventFact = { type: 'Warning', reason: 'DeadlineExceeded', action: 'Rollout', note }
  const isWithdrawn = isSame && before.withdrawnAt === undefined && after.withdrawnAt !== undefined
  const withdrawn: EventFact = {
    type: 'Normal',
    reason: 'CandidateWithdrawn',
    action: 'Rollout',
    note: `every pod of ${after.from} has confirmed that ${after.version} gets nothing; its pods go`,
  }
  return [...(hasMoved ? [entered] : isHeld ? [held] : []), ...(isWithdrawn ? [withdrawn] : [])]
}

export function versionEvents(before: ModelVersionStatus | undefined, after: ModelVersionStatus): EventFact[] {
  return [
    ...attemptEvents(before, after),
    ...phaseEvent(before, after),
    ...blockedEvent(before?.blocked, after.blocked),
  ]
}

function attemptEvents(before: ModelVersionStatus | undefined, after: ModelVersionStatus): EventFact[] {
  return (after.attempts ?? []).flatMap((entry): EventFact[] => {
    const old = before?.attempts?.find((candidate) => candidate.job === entry.job)
    if (!old) return [{ type: 'Normal', reason: 'AttemptStarted', action: 'CreateJob', note: `Job ${entry.job}` }]
    if (old.result !== undefined || entry.result === undefined) return []
    if (entry.result === 'Failed') {
      return [
        {
          type: 'Warning',
          reason: entry.reason ?? 'AttemptFailed',
          action: 'EndAttempt',
          note: `Job ${entry.job}: ${entry.message ?? ''}`,
        },
      ]
    }
    return [{ type: 'Normal', reason: `Attempt${entry.result}`, action: 'EndAttempt', note: `Job ${entry.job}` }]
  })
}

function phaseEvent(before: ModelVersionStatus | undefined, after: ModelVersionStatus): EventFact[] {
  if (after.phase === undefined || before?.phase === after.phase) return []
  if (after.phase !== 'Accepted' && after.phase !== 'Rejected' && after.phase !== 'Failed') return []
  const note = after.conditions?.find((condition) => condition.type === 'Accepted')?.message ?? ''
  return [{ type: after.phase === 'Accepted' ? 'Normal' : 'Warning', reason: after.phase, action: 'Judge', note }]
}

/** An autoscaler that has nothing to go by; one that somebody has switched off with `replicas: 0` is no news. */
function autoscalingEvent(before: SentimentModelStatus | undefined, after: SentimentModelStatus): EventFact[] {
  const find = (status: SentimentModelStatus | undefined) =>
    status?.conditions?.find((condition) => condition.type === 'Autoscaled' && condition.status === 'False')
  const [old, found] = [find(before), find(after)]
  if (!found || found.reason === old?.reason || found.reason === 'ScalingDisabled') return []
  return [{ type: 'Warning', reason: 'NotAutoscaled', action: 'Scale', note: `${found.reason}: ${found.message}` }]
}

type BlockedStatus = SentimentModelStatus['blocked']

function blockedEvent(before: BlockedStatus, after: BlockedStatus): EventFact[] {
  if (!after || (before?.reason === after.reason && before.object === after.object)) return []
  return [{ type: 'Warning', reason: after.reason, action: 'Wait', note: `${after.object}: ${after.message}` }]
}
