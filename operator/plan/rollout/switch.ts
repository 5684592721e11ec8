/**
 * One switch, without a canary: for the first version, a pinned one, and a model without steps. It is made when every pod of the
 * next version is ready.
 */
import type { ModelVersion } from '../../api/v1alpha1/model-version.ts'
import type { Blocked } from '../blocked.ts'

export interface ServingObservation {
  version: string
  /** The Deployment's controller has seen our last change, and every replica of it is updated and ready. */
  isFullyReady: boolean
  replicas: number
  readyReplicas: number
}

export interface SwitchInput {
  /** What the front Service selects now. The Service is the truth: a status may be lost or late, the traffic is not. */
  stable: string | undefined
  /** The version of the current spec. */
  desired: string
  /** spec.serving.version */
  pin: string | undefined
  versions: readonly ModelVersion[]
  serving: readonly ServingObservation[]
}

export interface Promotion {
  version: string
  from: string | undefined
  reason: 'FirstVersion' | 'NewVersion' | 'Pinned' | 'EvidencePassed' | 'PromotedByHand' | 'StableBroken'
}

export interface SwitchPlan {
  stable: string | undefined
  /** The version that is to become stable: it runs beside stable until it is ready. */
  candidate: string | undefined
  /** Set in the very step that moves the traffic. */
  promotion: Promotion | undefined
  blocked: Blocked | undefined
}

export function planSwitch(input: SwitchInput): SwitchPlan {
  const { stable, pin } = input
  const target = pin ?? input.desired
  const blocked = pin === undefined ? undefined : unusablePin(pin, input.versions)
  const none = { stable, candidate: undefined, promotion: undefined, blocked }
  if (blocked || target === stable || !isAccepted(target, input.versions)) return none

  // A model that is scaled to nothing keeps its stable version: nothing has shown that the next one can start.
  const isReady = input.serving.some(
    (serving) =>
      serving.version === target && serving.isFullyReady && (serving.readyReplicas > 0 || stable === undefined),
  )
  if (!isReady) return { ...none, candidate: target }
  const reason = stable === undefined ? 'FirstVersion' : pin === undefined ? 'NewVersion' : 'Pinned'
  return {
    stable: target,
    candidate: undefined,
    promotion: { version: target, from: stable, reason },
    blocked: undefined,
  }
}

export function isAccepted(name: string, versions: readonly ModelVersion[]): boolean {
  const version = versions.find((candidate) => candidate.metadata.name === name)
  return (
    version?.spec.role === undefined && version?.status?.phase === 'Accepted' && version.status.artifact !== undefined
  )
}

export function unusablePin(pin: string, versions: readonly ModelVersion[]): Blocked | undefined {
  if (isAccepted(pin, versions)) return undefined
  const version = versions.find((candidate) => candidate.metadata.name === pin)
  const accepted = versions.map((candidate) => candidate.metadata.name).filter((name) => isAccepted(name, versions))
  const state = version?.spec.role === 'baseline' ? 'a baseline' : (version?.status?.phase ?? 'not started')
  const found = version ? `is ${state}` : 'does not exist'
  return {
    reason: 'PinnedVersionUnusable',
    object: `ModelVersion/${pin}`,
    message: `spec.serving.version: ${pin} ${found}; accepted versions: ${accepted.length === 0 ? 'none' : accepted.join(', ')}`,
  }
}
