/**
 * The way of a new version to all of the traffic. Pure: what has been observed and the record of the last look in, the next step out.
 *
 *   Starting -> Rehearsing -> Shadowing -> Stepping 1..n -> AwaitingApproval -> Promoting -> (stable)
 *       \___________\____________\______________\________________\____-> RolledBack | Aborted | Superseded
 */
import { MAX_REJECTED, type RolloutPhase, type RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { clip, isoTime } from '../conditions.ts'
import { advance, hasFaded } from './advance.ts'
import { askedBy, newCommand, withCommand, withOver } from './commands.ts'
import { judged, observe } from './count.ts'
import { culprit } from './culprit.ts'
import { endOf, type End } from './ends.ts'
import { laggingPods } from './evidence.ts'
import { wantedReplicas, withReadiness } from './readiness.ts'
import { perMilleOf, servingOf, shadowPerMilleOf, type RolloutInput, type RolloutPlan } from './rollout-input.ts'
import { isAccepted, planSwitch, unusablePin, type Promotion } from './switch.ts'

/** How often pods are asked during a rollout. */
const LOOK_AGAIN_MS = 2_000
/** While pods start, and where none of them can be asked, more looks would only be load. */
const LOOK_SELDOM_MS = 8_000
/** A given up candidate goes then, even if a pod can't be asked: what that pod forwards it answers itself. */
const WITHDRAW_LIMIT_MS = 120_000
/** Of the status. */
const MESSAGE_LIMIT = 4096

const ENDED: readonly RolloutPhase[] = ['RolledBack', 'Aborted', 'Superseded']

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
  const isPausedByHand = input.commands.paused === current.version
  const isPaused = isPausedByHand || badPin !== undefined
  const step = advance(input, look, { promote, pausedBy: pausedBy(isPausedByHand, badPin !== undefined) }, now)
  // Once used, an approval is not one for a later rollout of the same version.
  const approve = step.phase === 'Promoting' ? newCommand(input.commands, commands, 'approve', step.version) : undefined
  const serving = servingOf(input, step.version)
  const isSized = serving?.isFullyReady === true && serving.readyReplicas >= input.replicas && input.replicas > 0
  const status: RolloutStatus = { ...step, ...(isPaused ? { isPaused } : {}) }
  if (!isPaused) delete status.isPaused
  const shared = {
    ...still(input, stable, status),
    counted: current,
    commands: [promote, approve].reduce((done, one) => (one ? withCommand(done, one) : done), commands),
    lagging,
    requeueAfterMs: lookAgainMs(input, current),
  }
  // No traffic moves while a pin is set that can't be served.
  if (status.phase === 'Promoting' && isSized && !hasFaded(status) && !badPin) {
    return {
      ...shared,
      stable: status.version,
      promotion: { version: status.version, from: stable, reason: status.reason as Promotion['reason'] },
      promoted: status,
      status: undefined,
    }
  }
  return {
    ...shared,
    candidate: status.version,
    replicas: wantedReplicas(input, status),
    // Nothing is sent to a version without a ready pod.
    perMille: (serving?.readyReplicas ?? 0) > 0 ? perMilleOf(status) : 0,
    shadowPerMille: shadowPerMilleOf(status, input.settings),
    rehearse: status.phase === 'Rehearsing' && look.isInForce ? status.version : undefined,
    blocked: badPin ?? culprit(status, lagging, input, now),
  }
}

function pausedBy(isByHand: boolean, isByPin: boolean): string | undefined {
  if (isByHand) return 'the annotation valence.dev/pause'
  return isByPin ? "spec.serving.version, which names a version that can't be served" : undefined
}

function lookAgainMs({ evidence }: RolloutInput, { phase }: RolloutStatus): number {
  const isSilent = evidence !== undefined && evidence.pods.length > 0 && evidence.pods.every((pod) => pod.problem)
  return phase === 'Starting' || isSilent ? LOOK_SELDOM_MS : LOOK_AGAIN_MS
}

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
