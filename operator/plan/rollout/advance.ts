/** From phase to phase and from step to step. */
import type { Command, RolloutPhase, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { durationMs } from '../duration.ts'
import { askedBy, newCommand } from './commands.ts'
import type { Look } from './count.ts'
import { ofStep } from './evidence-log.ts'
import { firstWeight, isOutage, isReadyFor } from './readiness.ts'
import { isOverdue, overdueText, perMilleOf, type RolloutInput } from './rollout-input.ts'
import { isFailingInShadow } from './shadow-failures.ts'
import { merge } from './window.ts'

/** The next phase or step, where what this one asks for is there. */
export function advance(
  input: RolloutInput,
  look: Look,
  { promote, pausedBy }: { promote: Command | undefined; pausedBy: string | undefined },
  now: number,
): RolloutStatus {
  const record = goingOn(look.current, pausedBy)
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
  if (pausedBy !== undefined) return { ...record, message: `paused at ${record.weight} % by ${pausedBy}` }
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

/** What was said of a pause is not said any longer than it lasts. */
const goingOn = (record: RolloutStatus, pausedBy: string | undefined): RolloutStatus =>
  record.isPaused === true && pausedBy === undefined
    ? { ...record, message: `not paused any more: it goes on at ${record.weight} %` }
    : record

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
export const hasFaded = ({ reason, step: number, verdict }: RolloutStatus) =>
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
  const { namespace, name } = input.model
  const how = `kubectl -n ${namespace} annotate --overwrite sentimentmodel ${name} valence.dev/approve=${record.version}`
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
