/**
 * The way of a new version to all of the traffic. Pure: what has been observed and the record of the last look in, the next step out.
 *
 *   Starting -> Rehearsing -> Shadowing -> Stepping 1..n -> AwaitingApproval -> Promoting -> (stable)
 *       \___________\____________\______________\________________\____-> RolledBack | Aborted | Superseded
 */
import type { ModelVersion } from '../../api/v1alpha1/model-version.ts'
import {
  MAX_REJECTED,
  type Command,
  type Rollout,
  type RolloutPhase,
  type RolloutStatus,
} from '../../api/v1alpha1/rollout.ts'
import type { SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'
import type { Routing } from '../../../contract/routing.ts'
import { blockedServingPod, type Blocked } from '../blocked.ts'
import { clip, isoTime } from '../conditions.ts'
import { durationMs } from '../duration.ts'
import type { Serving } from '../model-observed.ts'
import { replicasFor } from './capacity.ts'
import { askedBy, newCommand, withCommand, withOver, type Commands } from './commands.ts'
import type { RecordedDecision } from './decision.ts'
import { laggingPods, type EvidenceObserved, type Lagging } from './evidence.ts'
import { ofStep, withFailures, withShadow, withWindow } from './evidence-log.ts'
import { crashLooping } from './hard-stops.ts'
import { chanceOfAtLeast } from './binomial.ts'
import { judgeShadow, SHADOW_REASONS, type PredictedDisagreement } from './shadow-verdict.ts'
import { isWithinBand, observedShare } from './share-band.ts'
import { isAccepted, planSwitch, unusablePin, type Promotion } from './switch.ts'
import { hardStop, isStableBroken, judge } from './verdict.ts'
import { merge } from './window.ts'

export interface RolloutInput {
  /** What the front Service selects now. */
  stable: string | undefined
  /** The version of the current spec. */
  desired: string
  /** spec.serving.version */
  pin: string | undefined
  versions: readonly ModelVersion[]
  serving: readonly Serving[]
  settings: Rollout
  /** spec.serving.replicas */
  replicas: number
  before: SentimentModelStatus | undefined
  commands: Commands
  evidence: EvidenceObserved | undefined
  /** The routing file as it is. */
  routing: Routing | undefined
  /** The newest decision on record. */
  lastDecision: RecordedDecision | undefined
}

export interface RolloutPlan {
  stable: string | undefined
  /** The version that runs beside stable. */
  candidate: string | undefined
  /** A version that was given up: it gets nothing, and its pods stay until every stable pod has confirmed that. */
  withdrawing: string | undefined
  /** Of the candidate. */
  replicas: number
  perMille: number
  shadowPerMille: number
  promotion: Promotion | undefined
  /** The record of the rollout that this promotion ends, with the evidence that it rests on. */
  promoted: RolloutStatus | undefined
  /** The record of the rollout: under way, or how the last one ended. */
  status: RolloutStatus | undefined
  /** The record as it was, with what this look has counted: what has to be kept where nothing else of the plan can be. */
  counted: RolloutStatus | undefined
  rejected: NonNullable<SentimentModelStatus['rejected']>
  commands: Command[]
  /** Stable pods that do not run the routing file yet. */
  lagging: Lagging[]
  /** Golden texts are to be sent to this version now. */
  rehearse: string | undefined
  blocked: Blocked | undefined
  requeueAfterMs: number | undefined
}

/** How often pods are asked during a rollout. */
const LOOK_AGAIN_MS = 2_000
/** While pods start, and where none of them can be asked, more looks would only be load. */
const LOOK_SELDOM_MS = 8_000
/** A pod that does not take up a routing file within this time is named. */
export const LAG_PATIENCE_MS = 10_000
/** A given up candidate goes then, even if a pod can't be asked: what that pod forwards it answers itself. */
const WITHDRAW_LIMIT_MS = 120_000
/** Wrong answers come again; a connection that failed may not. */
const REHEARSAL_TRIES = 3

/** Of the status. */
const MESSAGE_LIMIT = 4096

const ENDED: readonly RolloutPhase[] = ['RolledBack', 'Aborted', 'Superseded']
/** A single pod that is replaced is back by then. */
const STABLE_DOWN_MS = 60_000
/** Nobody got these answers, but a version that gives none has nothing to be compared by. */
const SHADOW_FAILURES = 20
const SHADOW_ALPHA = 0.001

export const isEnded = ({ phase }: RolloutStatus) => ENDED.includes(phase)

/** Whether something depends on what the serving pods run and count: then they are asked. */
export const isWatched = (record: RolloutStatus | undefined): boolean =>
  record !== undefined && (!isEnded(record) || record.withdrawnAt === undefined)

export function planRollout(given: RolloutInput, now: number): RolloutPlan {
  const { stable, before } = given
  const input = {
    ...given,
    before: before && { ...before, commands: withOver(before.commands ?? [], given.commands) },
  }
  const record = input.before?.rollout
  if (stable === undefined) return direct(input, undefined)
  // The traffic moved and the operator died before it said so: the promotion is recorded from the Service.
  const current = record?.version === stable ? undefined : record
  if (current && !isEnded(current)) return conduct(input, stable, current, now)
  if (current && current.withdrawnAt === undefined) return withdraw(input, stable, current, now)
  return begin(input, stable, current, now)
}

/** One switch, without a canary. */
function direct(input: RolloutInput, record: RolloutStatus | undefined): RolloutPlan {
  const plan = planSwitch(input)
  return {
    ...still(input, plan.stable, record),
    candidate: plan.candidate,
    replicas: input.replicas,
    promotion: plan.promotion,
    blocked: plan.blocked,
  }
}

/** All traffic on stable, and nothing beside it. */
function still(input: RolloutInput, stable: string | undefined, record: RolloutStatus | undefined): RolloutPlan {
  return {
    stable,
    candidate: undefined,
    withdrawing: undefined,
    replicas: 0,
    perMille: 0,
    shadowPerMille: 0,
    promotion: undefined,
    promoted: undefined,
    status: record,
    counted: undefined,
    rejected: input.before?.rejected ?? [],
    commands: input.before?.commands ?? [],
    lagging: [],
    rehearse: undefined,
    blocked: undefined,
    requeueAfterMs: undefined,
  }
}

function begin(input: RolloutInput, stable: string, record: RolloutStatus | undefined, now: number): RolloutPlan {
  const { desired, pin, settings, versions } = input
  // A pin is the order to go there, and back in seconds.
  if (pin !== undefined) return direct(input, record)
  const rest = still(input, stable, record)
  if (desired === stable || !isAccepted(desired, versions)) return rest
  const retry = newCommand(input.commands, rest.commands, 'retry', desired)
  if (rest.rejected.some((entry) => entry.version === desired) && !retry) return rest
  const again: RolloutInput = {
    ...input,
    before: {
      ...input.before,
      rejected: rest.rejected.filter((entry) => entry.version !== desired),
      commands: retry ? withCommand(rest.commands, retry) : rest.commands,
    },
  }
  if (settings.steps.length === 0 && settings.shadow === undefined) return direct(again, record)
  // Without pods there is nothing to compare with.
  if (input.replicas === 0) return rest
  const started: RolloutStatus = {
    version: desired,
    from: stable,
    phase: 'Starting',
    reason: 'NewVersion',
    message: `${desired} is being started beside ${stable}`,
    startedAt: isoTime(now),
    steps: settings.steps.length,
    weight: 0,
    notReadySince: isoTime(now),
  }
  return conduct(again, stable, started, now)
}

/** Why a rollout ends without a promotion. */
interface End {
  phase: 'RolledBack' | 'Aborted' | 'Superseded'
  reason: string
  message: string
  command?: Command
}

function conduct(input: RolloutInput, stable: string, record: RolloutStatus, now: number): RolloutPlan {
  const seen = observe(input, stable, record, now)
  // Before anything is held against it: pods may have become ready while nobody looked.
  const look = { ...seen, current: judged(withReadiness(input, seen.current, now), input.settings) }
  const { current, lagging } = look
  const end = endOf(input, stable, current, now)
  if (end) return { ...finish(input, stable, current, end, now), counted: current }

  const commands = input.before?.commands ?? []
  const promote = newCommand(input.commands, commands, 'promote', current.version)
  const badPin = input.pin === undefined ? undefined : unusablePin(input.pin, input.versions)
  const isPaused = input.commands.paused === current.version || badPin !== undefined
  const step = advance(input, look, { promote, isPaused }, now)
  const serving = servingOf(input, step.version)
  const isSized = serving?.isFullyReady === true && serving.readyReplicas >= input.replicas && input.replicas > 0
  const status: RolloutStatus = { ...step, ...(isPaused ? { isPaused } : {}) }
  if (!isPaused) delete status.isPaused
  const shared = {
    ...still(input, stable, status),
    counted: current,
    commands: promote ? withCommand(commands, promote) : commands,
    lagging,
    requeueAfterMs: lookAgainMs(input, current),
  }
  if (status.phase === 'Promoting' && isSized && !hasFaded(status)) {
    return {
      ...shared,
      stable: status.version,
      promotion: { version: status.version, from: stable, reason: status.reason as Promotion['reason'] },
      promoted: status,
      status: undefined,
    }
  }
  const approve = newCommand(input.commands, commands, 'approve', status.version)
  return {
    ...shared,
    // Once used, an approval is not one for a later rollout of the same version.
    commands: approve && status.phase === 'Promoting' ? withCommand(shared.commands, approve) : shared.commands,
    candidate: status.version,
    replicas: wantedReplicas(input, status),
    // Nothing is sent to a version without a ready pod.
    perMille: (serving?.readyReplicas ?? 0) > 0 ? perMilleOf(status) : 0,
    shadowPerMille: status.phase === 'Shadowing' ? Math.round((input.settings.shadow?.sample ?? 0) * 10) : 0,
    rehearse: status.phase === 'Rehearsing' && look.isInForce ? status.version : undefined,
    blocked: badPin ?? culprit(status, lagging, input, now),
  }
}

function lookAgainMs({ evidence }: RolloutInput, { phase }: RolloutStatus): number {
  const isSilent = evidence !== undefined && evidence.pods.length > 0 && evidence.pods.every((pod) => pod.problem)
  return phase === 'Starting' || isSilent ? LOOK_SELDOM_MS : LOOK_AGAIN_MS
}

interface Look {
  /** The record with what has been counted since the last look. */
  current: RolloutStatus
  lagging: Lagging[]
  /** Every stable pod runs the routing file that the record asks for. */
  isInForce: boolean
}

function observe(input: RolloutInput, stable: string, record: RolloutStatus, now: number): Look {
  const { evidence, routing, settings } = input
  if (!evidence || !routing) return { current: record, lagging: [], isInForce: false }
  const lagging = laggingPods(evidence, stable, routing.epoch)
  const wantedShadow = record.phase === 'Shadowing' ? Math.round((settings.shadow?.sample ?? 0) * 10) : 0
  const isWritten =
    routing.candidate === record.version &&
    routing.perMille === perMilleOf(record) &&
    routing.shadowPerMille === wantedShadow
  const isInForce = isWritten && lagging.length === 0 && evidence.pods.some((pod) => pod.version === stable)
  // Another file was in force meanwhile (a candidate without pods gets nothing), so the pods have to confirm this one anew.
  const { phaseSince, ...unconfirmed } = record
  if (!isWritten) return { current: unconfirmed, lagging, isInForce }
  const current: RolloutStatus = {
    ...record,
    ...(phaseSince !== undefined && counted(input, stable, record)),
    ...(isInForce && phaseSince === undefined && { phaseSince: isoTime(now) }),
  }
  return { current, lagging, isInForce }
}

/** By the settings of now: what is recorded of a decision must follow from the thresholds that are recorded with it. */
function judged(record: RolloutStatus, { analysis }: Rollout): RolloutStatus {
  if (record.windows === undefined) return record
  const { verdict, reason, message, eValues } = judge(record.windows, analysis)
  return { ...record, verdict: { verdict, reason, message, eValues } }
}

/** Only what was counted while every pod ran the file of this very weight belongs to it. */
function counted(input: RolloutInput, stable: string, record: RolloutStatus): Partial<RolloutStatus> {
  const { evidence, settings } = input
  if (!evidence) return {}
  const { version } = record
  if (record.phase === 'Shadowing') {
    const shadow = withShadow(record.shadow, evidence, version)
    const { verdict, reason, message } = judgeShadow(
      shadow,
      predicted(input, stable, version),
      settings.shadow ?? { minRequests: 1 },
    )
    return { shadow: { ...shadow, verdict, reason, message } }
  }
  const perMille = perMilleOf(record)
  if (perMille === 0) return {}
  const windows = withWindow(record.windows ?? [], evidence, { candidate: version, stable, perMille })
  if (windows.length === 0) return {}
  return {
    windows,
    failures: withFailures(record.failures, evidence, version),
    ...observedSplit(windows, perMille, settings.stickyHeader !== undefined),
  }
}

function observedSplit(
  windows: NonNullable<RolloutStatus['windows']>,
  perMille: number,
  isSticky: boolean,
): Pick<RolloutStatus, 'observed'> {
  const { candidate, stable } = merge(ofStep(windows, perMille))
  const split = { candidate: candidate.requests, total: candidate.requests + stable.requests }
  const share = observedShare(split)
  if (!share) return {}
  const percent = (value: number) => Math.round(value * 1e5) / 1e3
  return {
    observed: {
      weight: percent(share.share),
      low: percent(share.low),
      high: percent(share.high),
      requests: split.total,
      // A caller that sticks brings all its requests to one side: the band of single requests says nothing then.
      isVerified: isSticky || isWithinBand(split, perMille),
    },
  }
}

/** What the evaluation expects of live texts; undefined where it compared with another version than the one that is stable. */
function predicted(input: RolloutInput, stable: string, candidate: string): PredictedDisagreement | undefined {
  const status = input.versions.find((version) => version.metadata.name === candidate)?.status
  const against = status?.evaluation?.against
  if (!against?.comparable || against.version !== stable) return undefined
  const changes = against[status?.precision ?? 'fp32']
  return changes && { rows: against.rows ?? 0, disagreements: changes.disagreements }
}

function endOf(input: RolloutInput, stable: string, record: RolloutStatus, now: number): End | undefined {
  const { version } = record
  const { settings, commands, before } = input
  if (record.from !== stable)
    return {
      phase: 'Superseded',
      reason: 'StableChanged',
      message: `${stable} has become stable instead of ${record.from}`,
    }
  if (!isAccepted(version, input.versions))
    return { phase: 'Superseded', reason: 'VersionGone', message: `${version} is not there or not accepted any more` }
  // It was decided and written down, and the process died before its status was: what it counted is lost, the decision stands.
  const decided = endOnRecord(input, record)
  if (decided) return decided
  const abort = newCommand(commands, before?.commands ?? [], 'abort', version)
  if (abort) {
    const message = `the annotation valence.dev/abort names ${version}; set by ${abort.by}`
    return { phase: 'Aborted', reason: 'AbortedByHand', message, command: abort }
  }
  return superseded(input, stable, record) ?? broken(input, record, settings, now)
}

const ENDS_ON_RECORD = { RollBack: 'RolledBack', Abort: 'Aborted', Supersede: 'Superseded' } as const

function endOnRecord({ lastDecision }: RolloutInput, { version, startedAt }: RolloutStatus): End | undefined {
  if (lastDecision?.candidate.version !== version || lastDecision.startedAt !== startedAt) return undefined
  const { kind, reason, message } = lastDecision
  return kind === 'Promote' || kind === 'Hold' ? undefined : { phase: ENDS_ON_RECORD[kind], reason, message }
}

function superseded(
  { pin, desired, settings, versions, before }: RolloutInput,
  stable: string,
  { version }: RolloutStatus,
): End | undefined {
  const end = (reason: string, message: string): End => ({ phase: 'Superseded', reason, message })
  if (pin !== undefined && pin !== version && isAccepted(pin, versions))
    return end('Pinned', `spec.serving.version pins ${pin}`)
  if (pin !== undefined || desired === version) return undefined
  if (desired === stable) return end('SpecReverted', `the spec asks for ${stable} again`)
  const isRejected = before?.rejected?.some((entry) => entry.version === desired) === true
  if (settings.onSupersede === 'Queue' || isRejected || !isAccepted(desired, versions)) return undefined
  return end('NewerVersion', `${desired} is accepted and takes its place`)
}

function broken(input: RolloutInput, record: RolloutStatus, settings: Rollout, now: number): End | undefined {
  const rollBack = (reason: string, message: string): End => ({ phase: 'RolledBack', reason, message })
  const windows = record.windows ?? []
  if (isStableBroken(windows)) return undefined
  const stop = hardStop(windows)
  if (stop) return rollBack(stop.reason, stop.message)
  if (record.verdict?.verdict === 'RollBack') return rollBack(record.verdict.reason, record.verdict.message)
  const serving = servingOf(input, record.version)
  const crash = serving && crashLooping(serving.pods)
  if (crash) return rollBack('CrashLoop', crash)
  const readyLimit = durationMs(settings.readyDeadline)
  if (record.notReadySince !== undefined && now - Date.parse(record.notReadySince) > readyLimit) {
    const { readyReplicas = 0, replicas = 0 } = serving ?? {}
    const why = serving && blockedServingPod(serving.pods, serving.warnings, now)
    const counted = `${readyReplicas} of ${replicas} pods are ready after rollout.readyDeadline (${settings.readyDeadline})`
    return rollBack('NotReady', why ? `${counted}: ${why.object}: ${why.message}` : counted)
  }
  const { rehearsal } = record
  if (record.phase === 'Rehearsing' && rehearsal && !rehearsal.isPassed && rehearsal.tries >= REHEARSAL_TRIES) {
    const since = record.phaseSince === undefined ? now : Date.parse(record.phaseSince)
    const isWrong = rehearsal.sent > 0 && rehearsal.counted >= rehearsal.sent
    if (isWrong || now - since > readyLimit) return rollBack('RehearsalFailed', rehearsal.message)
  }
  const { shadow } = record
  if (shadow && shadow.failures >= SHADOW_FAILURES && isFailingInShadow(record, settings))
    return rollBack(
      'ShadowFailed',
      `it failed ${shadow.failures} requests of the shadow, and answered ${shadow.samples} texts`,
    )
  if (settings.onDeadline === 'RollBack' && isOverdue(record, settings, now))
    return rollBack('DeadlineExceeded', overdueText(record, settings))
  return undefined
}

/** Exact test of "it fails no more than tolerable": a failed request is at least one text, so this errs on the side of passing. */
function isFailingInShadow({ shadow }: RolloutStatus, { analysis }: Rollout): boolean {
  if (!shadow || shadow.failures === 0) return false
  const asked = shadow.samples + shadow.failures
  return chanceOfAtLeast(shadow.failures, asked, analysis.tolerableFailureRate) < SHADOW_ALPHA
}

const isOverdue = ({ startedAt }: RolloutStatus, { deadline }: Rollout, now: number) =>
  now - Date.parse(startedAt) > durationMs(deadline)
const overdueText = ({ verdict }: RolloutStatus, { deadline }: Rollout) =>
  `not decided within rollout.deadline (${deadline})${verdict ? `: ${verdict.message}` : ''}`

function finish(
  input: RolloutInput,
  stable: string,
  record: RolloutStatus,
  { phase, reason, message, command }: End,
  now: number,
): RolloutPlan {
  const {
    notReadySince: _ready,
    stableDownSince: _down,
    isPaused: _paused,
    phaseSince: _since,
    by: _by,
    ...kept
  } = record
  const ended: RolloutStatus = {
    ...kept,
    phase,
    reason,
    message: clip(message, MESSAGE_LIMIT),
    weight: 0,
    endedAt: isoTime(now),
    ...(command && { by: askedBy(command) }),
  }
  const commands = input.before?.commands ?? []
  const rejected = input.before?.rejected ?? []
  const entry =
    phase === 'Superseded'
      ? []
      : [
          {
            version: record.version,
            outcome: phase,
            reason,
            message: clip(message),
            time: isoTime(now),
            ...(command && { by: command.by }),
          },
        ]
  const before = {
    ...input.before,
    rejected: [...rejected.filter(({ version }) => version !== record.version), ...entry].slice(-MAX_REJECTED),
    commands: command ? withCommand(commands, command) : commands,
  }
  return withdraw({ ...input, before }, stable, ended, now)
}

/** The candidate's pods stay until every stable pod has confirmed that nothing goes to them. */
function withdraw(input: RolloutInput, stable: string, record: RolloutStatus, now: number): RolloutPlan {
  const { evidence, routing } = input
  const isOut = routing !== undefined && routing.candidate === undefined
  const lagging = evidence && isOut ? laggingPods(evidence, stable, routing.epoch) : []
  const isConfirmed = isOut && evidence !== undefined && lagging.length === 0
  const isLate = now - Date.parse(record.endedAt ?? '') > WITHDRAW_LIMIT_MS
  if (isConfirmed || isLate) {
    return { ...still(input, stable, { ...record, withdrawnAt: isoTime(now) }), requeueAfterMs: 100 }
  }
  return { ...still(input, stable, record), withdrawing: record.version, lagging, requeueAfterMs: 500 }
}

/** The next phase or step, where what this one asks for is there. */
function advance(
  input: RolloutInput,
  look: Look,
  { promote, isPaused }: { promote: Command | undefined; isPaused: boolean },
  now: number,
): RolloutStatus {
  const record = look.current
  const { settings } = input
  const { version, phase } = record
  if (input.replicas === 0)
    return { ...record, message: 'the model is scaled to zero: nothing goes on before it has pods' }
  if (phase === 'Promoting' && !promote) return keepPromoting(input, record, now)
  if (input.pin === version)
    return enter(record, 'Promoting', 'Pinned', `spec.serving.version pins it: it gets all pods, then all traffic`)
  if (promote) {
    const message = `valence.dev/promote names it; set by ${promote.by}`
    return { ...enter(record, 'Promoting', 'PromotedByHand', message), by: askedBy(promote) }
  }
  if (isOutage(input, record, now))
    return enter(record, 'Promoting', 'StableBroken', `${record.from} does not answer any more, ${version} does`)
  if (isPaused)
    return { ...record, message: `paused at ${record.weight} %, by valence.dev/pause or a pin that can't be served` }
  // An approval may come as late as people are.
  if (isOverdue(record, settings, now) && phase !== 'AwaitingApproval')
    return { ...record, reason: 'DeadlineExceeded', message: overdueText(record, settings) }

  switch (phase) {
    case 'Starting':
      return isReadyFor(input, record, firstWeight(settings))
        ? enter(record, 'Rehearsing', 'PodsReady', 'golden texts are sent to it through the Service')
        : record
    case 'Rehearsing':
      return record.rehearsal?.isPassed === true ? afterRehearsal(input, record) : record
    case 'Shadowing':
      return record.shadow?.verdict === 'Pass' && !isFailingInShadow(record, settings)
        ? stepTo(input, record, 1)
        : record
    case 'Stepping':
      return step(input, look, record, now)
    case 'AwaitingApproval': {
      const approve = newCommand(input.commands, input.before?.commands ?? [], 'approve', version)
      if (!approve) return record
      const message = `approved by ${approve.by}: it gets all pods, then all traffic`
      return { ...enter(record, 'Promoting', 'EvidencePassed', message), by: askedBy(approve) }
    }
    case 'Promoting':
    case 'RolledBack':
    case 'Aborted':
    case 'Superseded':
      return record
  }
}

/** A promotion goes on only while what it rests on holds: the pin may be taken back, and stable may be back itself. */
function keepPromoting(input: RolloutInput, record: RolloutStatus, now: number): RolloutStatus {
  const { reason, verdict } = record
  if (reason === 'Pinned' && input.pin !== record.version)
    return backToEvidence(input, record, 'the pin was taken back')
  if (reason === 'StableBroken' && !isOutage(input, record, now))
    return backToEvidence(input, record, `${record.from} answers again`)
  if (!hasFaded(record)) return record
  const why = isOverdue(record, input.settings, now) ? overdueText(record, input.settings) : (verdict?.message ?? '')
  return { ...record, message: `the evidence is no Pass any more, so the traffic waits: ${why}` }
}

/** Where it would be without the promotion that has lost its ground. */
function backToEvidence(input: RolloutInput, record: RolloutStatus, message: string): RolloutStatus {
  if (record.step !== undefined) return enter(record, 'Stepping', 'PromotionTakenBack', message)
  if (record.rehearsal?.isPassed === true) return afterRehearsal(input, record)
  return enter(record, 'Starting', 'PromotionTakenBack', message)
}

/**
 * Steps were taken, and their evidence, which is counted on while pods are made and people asked, is no Pass any more: the traffic
 * does not move before it is one again.
 */
const hasFaded = ({ reason, step: number, verdict }: RolloutStatus) =>
  reason === 'EvidencePassed' && number !== undefined && verdict?.verdict !== 'Pass'

/** `phaseSince` comes anew when all pods have confirmed what the phase asks for. */
function enter(record: RolloutStatus, phase: RolloutPhase, reason: string, message: string): RolloutStatus {
  const { phaseSince: _since, ...kept } = record
  return { ...kept, phase, reason, message }
}

function afterRehearsal(input: RolloutInput, record: RolloutStatus): RolloutStatus {
  const { shadow } = input.settings
  if (!shadow) return stepTo(input, record, 1)
  const message = `${shadow.sample} % of the requests are judged by it too; nobody gets its answers`
  return enter(record, 'Shadowing', 'RehearsalPassed', message)
}

/** The step of that number, or what comes after the last one. */
function stepTo(input: RolloutInput, record: RolloutStatus, number: number): RolloutStatus {
  const { steps, approval } = input.settings
  const next = steps[number - 1]
  if (next) {
    const message = `step ${number} of ${steps.length}: ${next.weight} % of the requests`
    return raised(input, { ...enter(record, 'Stepping', 'StepStarted', message), step: number }, next.weight)
  }
  if (approval === 'Auto')
    return enter(record, 'Promoting', 'EvidencePassed', 'the evidence is good: it gets all pods, then all traffic')
  const how = `kubectl annotate sentimentmodel <name> valence.dev/approve=${record.version}`
  return enter(record, 'AwaitingApproval', 'ApprovalWanted', `the evidence is good; it waits for ${how}`)
}

function step(input: RolloutInput, look: Look, record: RolloutStatus, now: number): RolloutStatus {
  const { steps } = input.settings
  const number = record.step ?? 1
  const wanted = steps[number - 1]
  // Steps were taken out of the spec while this one ran.
  if (!wanted) return stepTo(input, record, number)
  if (record.weight !== wanted.weight) return raised(input, record, wanted.weight)
  if (!look.isInForce || record.phaseSince === undefined || record.observed?.isVerified !== true) return record
  if (wanted.hold !== undefined && now - Date.parse(record.phaseSince) < durationMs(wanted.hold)) return record
  const { candidate } = merge(ofStep(record.windows ?? [], perMilleOf(record)))
  if (candidate.requests < wanted.minRequests) return record
  if (number >= steps.length && record.verdict?.verdict !== 'Pass') return record
  return stepTo(input, record, number + 1)
}

/** With the new weight, once there are pods enough for it. */
function raised(input: RolloutInput, record: RolloutStatus, weight: number): RolloutStatus {
  if (!isReadyFor(input, record, weight)) return record
  const { phaseSince: _since, observed: _observed, ...kept } = record
  return { ...kept, weight }
}

function withReadiness(input: RolloutInput, record: RolloutStatus, now: number): RolloutStatus {
  const serving = servingOf(input, record.version)
  const stable = servingOf(input, record.from)
  const isReady = serving?.isFullyReady === true && serving.readyReplicas > 0
  const isStableDown = stable !== undefined && stable.replicas > 0 && stable.readyReplicas === 0
  const { notReadySince = isoTime(now), stableDownSince = isoTime(now), ...kept } = record
  // Nothing is late where nothing is wanted.
  if (input.replicas === 0) return kept
  return { ...kept, ...(!isReady && { notReadySince }), ...(isStableDown && { stableDownSince }) }
}

/** Stable has had no pod that answers for a while, or fails nearly everything, and the candidate is ready: waiting would be the harm. */
function isOutage(input: RolloutInput, record: RolloutStatus, now: number): boolean {
  const candidate = servingOf(input, record.version)
  if (!candidate?.isFullyReady || candidate.readyReplicas === 0) return false
  // A version that has answered nobody yet is no rescue. The rehearsal went through stable's pods, so they were ready once.
  if (record.rehearsal?.isPassed !== true) return false
  const { stableDownSince, windows = [] } = record
  const isDown = stableDownSince !== undefined && now - Date.parse(stableDownSince) >= STABLE_DOWN_MS
  return isDown || isStableBroken(windows)
}

const servingOf = (input: RolloutInput, version: string) => input.serving.find((serving) => serving.version === version)

const firstWeight = ({ steps, shadow }: Rollout) => Math.max(steps[0]?.weight ?? 0, shadow?.sample ?? 0)

function isReadyFor(input: RolloutInput, { version }: RolloutStatus, weight: number): boolean {
  const serving = servingOf(input, version)
  return serving?.isFullyReady === true && serving.readyReplicas >= replicasFor(weight, input.replicas)
}

function wantedReplicas(input: RolloutInput, { phase, step: number, weight }: RolloutStatus): number {
  const { settings, replicas } = input
  if (phase === 'Promoting') return replicas
  const wanted = Math.max(weight, settings.steps[(number ?? 1) - 1]?.weight ?? 0, firstWeight(settings))
  return replicasFor(wanted, replicas)
}

const perMilleOf = ({ weight }: RolloutStatus) => Math.round(weight * 10)

function culprit(record: RolloutStatus, lagging: readonly Lagging[], input: RolloutInput, now: number) {
  const model = (reason: Blocked['reason'], message: string): Blocked => ({
    reason,
    object: `ModelVersion/${record.version}`,
    message,
  })
  const [first] = lagging
  const since = Date.parse(input.before?.routing?.since ?? '')
  if (first && now - since > LAG_PATIENCE_MS)
    return { reason: 'RoutingUnconfirmed', object: `Pod/${first.pod}`, message: first.message } satisfies Blocked
  if (record.observed?.isVerified === false) {
    const { weight, low, high, requests } = record.observed
    return model(
      'SplitUnverified',
      `${weight} % of ${requests} requests (99.9 %: ${low} to ${high}) where ${record.weight} % is wanted; no promotion until it fits`,
    )
  }
  if (record.shadow?.reason === SHADOW_REASONS.disagrees)
    return model('ShadowDisagreement', record.shadow.message ?? '')
  if (record.phase === 'Rehearsing' && record.rehearsal && !record.rehearsal.isPassed)
    return model('RehearsalFailed', record.rehearsal.message)
  return undefined
}
