/** The status of a SentimentModel, computed from what is observed and what was just decided; written once, only if different. */
import type { Routing } from '../../contract/routing.ts'
import type { ModelVersion, VersionPhase } from '../api/v1alpha1/model-version.ts'
import type { RolloutStatus } from '../api/v1alpha1/rollout.ts'
import {
  MAX_PROMOTIONS,
  type ModelPhase,
  type SentimentModel,
  type SentimentModelSpec,
  type SentimentModelStatus,
} from '../api/v1alpha1/sentiment-model.ts'
import { blockedCreation, blockedServingPod, type Blocked } from './blocked.ts'
import { clip, isoTime, mergeConditions, rounded, type ConditionFact } from './conditions.ts'
import type { ModelObserved, Serving } from './model-observed.ts'
import type { AutoscalerObservation } from './observed.ts'
import { servedPrecision } from './precision.ts'
import { isEnded, isWatched } from './rollout/rollout.ts'
import type { RolloutPlan } from './rollout/rollout-input.ts'
import { autoscaledFact } from './autoscaled.ts'
import { servingSelectorText } from './serving-selector.ts'
import { blockedFact, withSince } from './version.ts'

export interface ModelStatusInput {
  observed: ModelObserved
  rollout: RolloutPlan
  routing: Routing | undefined
  desired: string
  baseline: string | undefined
  blocked: Blocked | undefined
  scaling: SentimentModelStatus['scaling']
}

/** Everything that conditions and phase are made of. */
interface Facts {
  spec: SentimentModelSpec
  /** The version that the user wants to answer: the pinned one, or that of the spec. */
  target: string
  targetVersion: ModelVersion | undefined
  stable: string | undefined
  stableServing: Serving | undefined
  candidate: string | undefined
  /** Its canary, while it is under way. */
  rollout: RolloutStatus | undefined
  /** Why the target was given up, if it was. */
  rejected: Rejected | undefined
  blocked: Blocked | undefined
  scaling: SentimentModelStatus['scaling']
  autoscaler: AutoscalerObservation | undefined
}

type Rejected = NonNullable<SentimentModelStatus['rejected']>[number]

export function planModelStatus(input: ModelStatusInput, now: number): SentimentModelStatus {
  const { observed, rollout } = input
  const { model, versions } = observed
  const before = model.status
  const generation = model.metadata.generation ?? 1
  const target = model.spec.serving.version ?? input.desired
  const servingOf = (name: string | undefined) => observed.serving.find((serving) => serving.version === name)
  const versionOf = (name: string | undefined) => versions.find((version) => version.metadata.name === name)
  const facts: Facts = {
    spec: model.spec,
    target,
    targetVersion: versionOf(target),
    stable: rollout.stable,
    stableServing: servingOf(rollout.stable),
    candidate: rollout.candidate,
    rollout: rollout.status && !isEnded(rollout.status) ? rollout.status : undefined,
    rejected: rollout.rejected.find((entry) => entry.version === target),
    blocked: culprit(input, target, now),
    scaling: input.scaling,
    autoscaler: observed.autoscaler,
  }
  const served = (name: string) => servedVersion(name, versionOf(name), servingOf(name), model.spec)
  const training = trainingOf(versions)
  const promotions = promotionsOf(input, versionOf(rollout.stable), now)
  return {
    observedGeneration: generation,
    phase: phaseOf(facts),
    ...(rollout.stable !== undefined && {
      stable: { ...served(rollout.stable), selector: servingSelectorText(model.metadata.name, rollout.stable) },
    }),
    ...(input.scaling && { scaling: input.scaling }),
    ...(target !== rollout.stable && { candidate: candidateOf(facts, servingOf(target)) }),
    ...(input.baseline !== undefined && servingOf(input.baseline) && { baseline: served(input.baseline) }),
    ...columnsOf(rollout.status, target),
    ...(rollout.status && { rollout: rollout.status }),
    ...routingStatus(input, now),
    ...(rollout.rejected.length > 0 && { rejected: rollout.rejected }),
    ...(rollout.commands.length > 0 && { commands: rollout.commands }),
    ...(training && { training }),
    ...(facts.blocked && { blocked: withSince(facts.blocked, before?.blocked, now) }),
    ...(promotions.length > 0 && { promotions }),
    conditions: mergeConditions(before?.conditions ?? [], conditionFacts(facts), generation, now),
  }
}

/** Of the rollout under way, or of the one that gave up what the spec asks for: an older one would be taken for that of the candidate. */
function columnsOf(
  record: RolloutStatus | undefined,
  target: string,
): Pick<SentimentModelStatus, 'weight' | 'verdict'> {
  if (!record || (isEnded(record) && record.version !== target)) return {}
  const verdict =
    record.phase === 'RolledBack' ? 'RollBack' : record.phase === 'Aborted' ? 'Abort' : record.verdict?.verdict
  return { weight: record.weight, ...(verdict && { verdict }) }
}

const MAX_LAGGING = 20

/** Since when the pods are to run which routing file. */
function routingStatus({ observed, rollout, routing }: ModelStatusInput, now: number) {
  if (!routing || !isWatched(rollout.status)) return {}
  const before = observed.model.status?.routing
  const since = before?.epoch === routing.epoch ? before.since : isoTime(now)
  const lagging = rollout.lagging.slice(0, MAX_LAGGING).map(({ pod, message }) => ({ pod, message: clip(message) }))
  return { routing: { epoch: routing.epoch, since, ...(lagging.length > 0 && { lagging }) } }
}

/** The first thing that someone would have to mend: what was asked for comes before what serves on meanwhile. */
function culprit(
  { observed, rollout, baseline, blocked }: ModelStatusInput,
  target: string,
  now: number,
): Blocked | undefined {
  const ofVersion = (name: string | undefined) =>
    observed.versions.find((version) => version.metadata.name === name)?.status?.blocked as Blocked | undefined
  const ofPods = (name: string | undefined) => {
    const serving = observed.serving.find((candidate) => candidate.version === name)
    if (!serving || serving.isFullyReady) return undefined
    if (serving.refused !== undefined) return blockedCreation(`Deployment/${serving.version}`, serving.refused)
    return blockedServingPod(serving.pods, serving.warnings, now)
  }
  return (
    rollout.blocked ??
    (target === rollout.stable ? undefined : ofVersion(target)) ??
    ofPods(rollout.candidate) ??
    ofPods(rollout.stable) ??
    ofVersion(baseline) ??
    ofPods(baseline) ??
    blocked
  )
}

function phaseOf(facts: Facts): ModelPhase {
  const { stable, target, stableServing, blocked, candidate, scaling, spec } = facts
  const phase = facts.targetVersion?.status?.phase
  if (stable === undefined && (phase === 'Failed' || phase === 'Rejected')) return 'Failed'
  if (target === stable && stableServing?.isFullyReady === true) return 'Ready'
  if (blocked) return 'Blocked'
  if (facts.rejected && !facts.rollout && target !== stable) return facts.rejected.outcome
  if (facts.rollout?.isPaused === true) return 'Paused'
  if (target !== stable) {
    if (candidate !== undefined || phase === 'Accepted') return 'Progressing'
    return phase === 'Training' || phase === 'Evaluating' ? phase : 'Pending'
  }
  // More pods are on their way because there is more work: that is how it is meant to be.
  if (scaling && (stableServing?.readyReplicas ?? 0) >= (spec.serving.autoscaling?.minReplicas ?? 1)) return 'Ready'
  return 'Degraded'
}

function servedVersion(
  name: string,
  version: ModelVersion | undefined,
  serving: Serving | undefined,
  spec: SentimentModelSpec,
) {
  const status = version?.status
  const precision = version && status?.precision ? servedPrecision(version, spec) : undefined
  const quality = precision && status?.evaluation?.[precision]
  return {
    version: name,
    ...(status?.artifact && { digest: status.artifact.manifestSha256 }),
    ...(precision && { precision }),
    ...(quality && { accuracy: rounded(quality.accuracy) }),
    replicas: serving?.replicas ?? 0,
    readyReplicas: serving?.readyReplicas ?? 0,
  }
}

function candidateOf({ target, targetVersion, candidate, rollout, rejected }: Facts, serving: Serving | undefined) {
  const ofVersion = rejected?.outcome ?? targetVersion?.status?.phase ?? 'Queued'
  const phase = candidate === target ? (rollout?.phase ?? 'Starting') : ofVersion
  return { version: target, phase, ...(serving && { readyReplicas: serving.readyReplicas }) }
}

function trainingOf(versions: readonly ModelVersion[]): SentimentModelStatus['training'] {
  const version = versions.find((candidate) => candidate.status?.phase === 'Training')
  const attempt = version?.status?.attempts?.filter((entry) => entry.kind === 'train').at(-1)
  if (!version?.status || !attempt) return undefined
  const { progress, conditions } = version.status
  return {
    version: version.metadata.name,
    attempt: attempt.number,
    message: conditions?.find((condition) => condition.type === 'Trained')?.message ?? '',
    ...(progress && { progress: rounded(progress.ratio) }),
    ...(progress?.loss !== undefined && { loss: progress.loss }),
    ...(progress?.etaSeconds !== undefined && { etaSeconds: progress.etaSeconds }),
  }
}

/**
 * The Service's selector is the truth about what is live; an entry is added whenever it differs from the last one on record, so
 * that a switch whose status write was lost is still recorded.
 */
function promotionsOf(
  { observed, rollout, desired }: ModelStatusInput,
  version: ModelVersion | undefined,
  now: number,
) {
  const before = observed.model.status?.promotions ?? []
  const last = before.at(-1)
  if (rollout.stable === undefined || last?.version === rollout.stable) return before
  // The process may have died between the switch and this record; then the decision of before has the reason.
  const { lastDecision } = observed
  const isDecided = lastDecision?.kind === 'Promote' && lastDecision.candidate.version === rollout.stable
  const found = rollout.stable === desired ? 'NewVersion' : 'Pinned'
  const reason = last === undefined ? 'FirstVersion' : isDecided ? lastDecision.reason : found
  const entry = {
    version: rollout.stable,
    digest: version?.status?.artifact?.manifestSha256 ?? '',
    time: isoTime(now),
    reason: rollout.promotion?.reason ?? reason,
    ...(last && { from: last.version }),
  }
  return [...before, entry].slice(-MAX_PROMOTIONS)
}

function conditionFacts(facts: Facts): ConditionFact[] {
  const { scaling } = facts
  return [
    readyFact(facts),
    ofTarget('Trained', 'Trained', facts),
    ofTarget('Gated', 'Accepted', facts),
    progressingFact(facts),
    promotedFact(facts),
    blockedFact(facts.blocked),
    ...(scaling ? [autoscaledFact(facts.spec.serving.autoscaling, scaling, facts.autoscaler)] : []),
  ]
}

function readyFact({ stable, stableServing, spec, scaling }: Facts): ConditionFact {
  if (stable === undefined)
    return {
      type: 'Ready',
      status: 'False',
      reason: 'NoVersion',
      message: 'no version has been accepted and started yet',
    }
  const ready = stableServing?.readyReplicas ?? 0
  const message = `${stable} answers with ${ready} of ${scaling?.replicas ?? spec.serving.replicas} pods`
  if (ready > 0) return { type: 'Ready', status: 'True', reason: 'Serving', message }
  return {
    type: 'Ready',
    status: 'False',
    reason: spec.serving.replicas === 0 ? 'ScaledToZero' : 'NoReadyPod',
    message,
  }
}

/** What the version itself says, under the model's own name for it. */
function ofTarget(
  type: 'Trained' | 'Gated',
  source: 'Trained' | 'Accepted',
  { target, targetVersion }: Facts,
): ConditionFact {
  const found = targetVersion?.status?.conditions?.find((condition) => condition.type === source)
  if (!found) return { type, status: 'Unknown', reason: 'NotStarted', message: `${target} has not started` }
  return { type, status: found.status, reason: found.reason, message: `${target}: ${found.message}` }
}

const AT_WORK: readonly (VersionPhase | undefined)[] = [undefined, 'Queued', 'Training', 'Evaluating', 'Accepted']

function progressingFact({ stable, target, targetVersion, rollout, rejected }: Facts): ConditionFact {
  const phase = targetVersion?.status?.phase
  if (stable === target)
    return { type: 'Progressing', status: 'False', reason: 'Settled', message: `${target} is stable` }
  if (rejected && !rollout)
    return { type: 'Progressing', status: 'False', reason: rejected.outcome, message: rejectedText(target, rejected) }
  if (rollout?.version === target) {
    const message = `${target} is on its way, ${rollout.phase}: ${rollout.message}`
    return { type: 'Progressing', status: 'True', reason: rollout.phase, message }
  }
  if (!AT_WORK.includes(phase))
    return { type: 'Progressing', status: 'False', reason: phase ?? 'Stopped', message: `${target} is ${phase ?? ''}` }
  return {
    type: 'Progressing',
    status: 'True',
    reason: phase ?? 'Queued',
    message: `${target} is on its way: ${phase ?? 'Queued'}`,
  }
}

const rejectedText = (target: string, { outcome, reason, message }: Rejected) =>
  `${target} was ${outcome === 'Aborted' ? 'aborted' : 'rolled back'}: ${reason}: ${message}`

function promotedFact({ stable, target, targetVersion, rollout, rejected }: Facts): ConditionFact {
  if (stable === target) return { type: 'Promoted', status: 'True', reason: 'Stable', message: `${target} answers` }
  if (rejected && !rollout)
    return { type: 'Promoted', status: 'False', reason: rejected.outcome, message: rejectedText(target, rejected) }
  return {
    type: 'Promoted',
    status: 'False',
    reason: targetVersion?.status?.phase ?? 'Queued',
    message: `${target} is not stable yet; ${stable ?? 'nothing'} answers`,
  }
}

/** The status of a model that can't be worked on at all: what was known stays, and the culprit is named. */
export function blockedStatus(model: SentimentModel, blocked: Blocked, now: number): SentimentModelStatus {
  const before = model.status
  const generation = model.metadata.generation ?? 1
  const kept = (before?.conditions ?? []).filter((condition) => condition.type !== 'Blocked')
  return {
    ...before,
    observedGeneration: generation,
    phase: 'Blocked',
    blocked: withSince(blocked, before?.blocked, now),
    conditions: [...kept, ...mergeConditions(before?.conditions ?? [], [blockedFact(blocked)], generation, now)],
  }
}
