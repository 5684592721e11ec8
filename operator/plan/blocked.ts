/**
 * Names the culprit of a wait. Each check is a named function over one pod; the first that answers wins, so the list below
 * reads as the order in which an on-call engineer would look.
 */
import type { ContainerObservation, PodObservation, Warning } from './observed.ts'

export interface Blocked {
  reason: BlockedReason
  /** Kind/name of the object to look at. */
  object: string
  message: string
}

export type BlockedReason =
  | 'Unschedulable'
  | 'ClaimMissing'
  | 'ImagePullFailed'
  | 'ConfigMissing'
  | 'VolumeMountFailed'
  | 'QuotaExceeded'
  | 'AdmissionRefused'
  | 'OutOfMemory'
  | 'CrashLoop'
  | 'ContainerStartFailed'
  | 'ProbeFailing'
  | 'PinnedVersionUnusable'
  | 'NameTaken'
  | 'ServiceMonitorMissing'
  | 'SpecInvalid'
  | 'DataInvalid'
  | 'TrainingFailed'
  | 'EvaluationFailed'
  | 'GateFailed'
  | 'RoutingUnconfirmed'
  | 'SplitUnverified'
  | 'ShadowDisagreement'
  | 'RehearsalFailed'

/** A probe may fail this long after the start of its container before it counts as the culprit. */
const PROBE_PATIENCE_MS = 60_000

type Check = (pod: PodObservation, warnings: readonly Warning[], now: number) => Blocked | undefined

const blocked = (pod: PodObservation, reason: BlockedReason, message: string): Blocked => ({
  reason,
  object: `Pod/${pod.name}`,
  message,
})

const unschedulable: Check = (pod) => {
  if (pod.unschedulable === undefined) return undefined
  const claim = /persistentvolumeclaim "([^"]+)" (not found|is being deleted)/.exec(pod.unschedulable)
  if (claim) {
    return {
      reason: 'ClaimMissing',
      object: `PersistentVolumeClaim/${claim[1] ?? ''}`,
      message: pod.unschedulable,
    }
  }
  return blocked(pod, 'Unschedulable', pod.unschedulable)
}

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
])

const imagePull: Check = (pod) => {
  const culprit = pod.containers.find((c) => c.waiting && IMAGE_REASONS.has(c.waiting.reason))
  return culprit && blocked(pod, 'ImagePullFailed', `image ${culprit.image}: ${waitingText(culprit)}`)
}

const configMissing: Check = (pod) => {
  const culprit = pod.containers.find((c) => c.waiting?.reason === 'CreateContainerConfigError')
  return culprit && blocked(pod, 'ConfigMissing', `container ${culprit.name}: ${waitingText(culprit)}`)
}

const startFailed: Check = (pod) => {
  const culprit = pod.containers.find(
    (c) => c.waiting?.reason === 'CreateContainerError' || c.waiting?.reason === 'RunContainerError',
  )
  return culprit && blocked(pod, 'ContainerStartFailed', `container ${culprit.name}: ${waitingText(culprit)}`)
}

const volumeMount: Check = (pod, warnings) => {
  if (pod.phase !== 'Pending' || !pod.containers.every((c) => c.waiting?.reason === 'ContainerCreating'))
    return undefined
  const warning = warnings.find((w) => w.object === `Pod/${pod.name}` && /^Failed(Mount|AttachVolume)/.test(w.reason))
  return warning && blocked(pod, 'VolumeMountFailed', warning.message)
}

const outOfMemory: Check = (pod) => {
  const culprit = pod.containers.find((c) => (c.terminated ?? c.lastTerminated)?.reason === 'OOMKilled' && !c.ready)
  return (
    culprit &&
    blocked(
      pod,
      'OutOfMemory',
      `container ${culprit.name} was killed at its memory limit; raise resources.limits.memory`,
    )
  )
}

const crashLoop: Check = (pod) => {
  const culprit = pod.containers.find(
    (c) => c.waiting?.reason === 'CrashLoopBackOff' || (c.terminated && c.restartCount > 0),
  )
  if (!culprit) return undefined
  const end = culprit.terminated ?? culprit.lastTerminated
  const said = culprit.lastLogLine ?? end?.message ?? ''
  const code = end ? ` with exit code ${end.exitCode}` : ''
  return blocked(
    pod,
    'CrashLoop',
    `container ${culprit.name} ended${code}, ${culprit.restartCount} restarts${quoted(said)}`,
  )
}

const probeFailing: Check = (pod, warnings, now) => {
  const culprit = pod.containers.find(
    (c) => !c.ready && c.runningSince !== undefined && now - c.runningSince > PROBE_PATIENCE_MS,
  )
  if (!culprit) return undefined
  const probe = warnings.find((w) => w.object === `Pod/${pod.name}` && w.reason === 'Unhealthy')
  const said = probe?.message ?? `container ${culprit.name} runs but is not ready`
  return blocked(pod, 'ProbeFailing', `${said}${quoted(culprit.lastLogLine ?? '')}`)
}

const CHECKS: readonly Check[] = [
  unschedulable,
  imagePull,
  configMissing,
  volumeMount,
  startFailed,
  outOfMemory,
  crashLoop,
]

/** The culprit that keeps a Job's pod from running, if there is one. */
export function blockedPod(
  pods: readonly PodObservation[],
  warnings: readonly Warning[],
  now: number,
): Blocked | undefined {
  return firstOf(CHECKS, pods, warnings, now)
}

/** The culprit that keeps a serving pod from being ready, if there is one. */
export function blockedServingPod(
  pods: readonly PodObservation[],
  warnings: readonly Warning[],
  now: number,
): Blocked | undefined {
  return firstOf([...CHECKS, probeFailing], pods, warnings, now)
}

/** The reason why an owner could not create its pods at all: quota, Pod Security, LimitRange, webhooks. */
export function blockedCreation(object: string, message: string): Blocked {
  return {
    reason: /exceeded quota|limited by|must specify/.test(message) ? 'QuotaExceeded' : 'AdmissionRefused',
    object,
    message,
  }
}

/** What a failing container may be asked for: its last log line tells more than the kubelet does. */
export function isFailing(container: ContainerObservation, now: number): boolean {
  if (container.ready) return false
  if (container.waiting?.reason === 'CrashLoopBackOff') return true
  if (container.terminated) return container.terminated.exitCode !== 0
  return container.runningSince !== undefined && now - container.runningSince > PROBE_PATIENCE_MS
}

function firstOf(checks: readonly Check[], pods: readonly PodObservation[], warnings: readonly Warning[], now: number) {
  for (const pod of pods) {
    if (pod.deleting) continue
    for (const check of checks) {
      const found = check(pod, warnings, now)
      if (found) return found
    }
  }
  return undefined
}

function waitingText(container: ContainerObservation): string {
  const waiting = container.waiting
  if (!waiting) return 'not waiting'
  return waiting.message === '' ? waiting.reason : `${waiting.reason}: ${waiting.message}`
}

const quoted = (line: string) => (line === '' ? '' : `: ${line}`)
