/** Why a rollout ends without a promotion: somebody's wish, another version, or what the version itself has shown. */
import type { Command, Rollout, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { blockedServingPod } from '../blocked.ts'
import { durationMs } from '../duration.ts'
import { newCommand } from './commands.ts'
import { crashLooping } from './hard-stops.ts'
import { isOverdue, overdueText, servingOf, type RolloutInput } from './rollout-input.ts'
import { isFailingInShadow } from './shadow-failures.ts'
import { isAccepted } from './switch.ts'
import { hardStop, isStableBroken } from './verdict.ts'

/** Wrong answers come again; a connection that failed may not. */
const REHEARSAL_TRIES = 3
/** Nobody got these answers, but a version that gives none has nothing to be compared by. */
const SHADOW_FAILURES = 20

/** Why a rollout ends without a promotion. */
export interface End {
  phase: 'RolledBack' | 'Aborted' | 'Superseded'
  reason: string
  message: string
  command?: Command
}

export function endOf(input: RolloutInput, stable: string, record: RolloutStatus, now: number): End | undefined {
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
