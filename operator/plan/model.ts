/** The next step of one SentimentModel: which versions exist, which of them run, which one answers. Pure. */
import type { Routing } from '../../contract/routing.ts'
import type { Autoscaling } from '../api/v1alpha1/autoscaling.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { RolloutStatus } from '../api/v1alpha1/rollout.ts'
import type { SentimentModel, SentimentModelSpec, SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import type { Precision } from '../api/v1alpha1/serving.ts'
import type { Blocked } from './blocked.ts'
import { canonicalJson } from './canonical-json.ts'
import { durationMs } from './duration.ts'
import { baselineVersion, desiredVersion, type VersionIdentity } from './identity.ts'
import type { ModelObserved } from './model-observed.ts'
import { planModelStatus } from './model-status.ts'
import { readCommands } from './rollout/commands.ts'
import { servedPrecision } from './precision.ts'
import { decisionOf, type DecisionContent } from './rollout/decision.ts'
import { planRollout } from './rollout/rollout.ts'
import type { RolloutPlan } from './rollout/rollout-input.ts'
import { boundedAutoscaling, fullReplicas, planScaling } from './scaling.ts'

export interface Deployed {
  version: string
  digest: string
  precision: Precision
  replicas: number
}

export interface Stamps {
  epoch: string
  /** By pod. */
  prodded: ReadonlyMap<string, string>
}

export interface ModelPlan {
  versions: VersionIdentity[]
  /** The claim to make; undefined where the user brings one. */
  claim: string | undefined
  deploy: Deployed[]
  /** The version that the front Service is to select; undefined while there is none. */
  stable: string | undefined
  routing: Routing | undefined
  /** To be written down before the traffic moves. */
  decision: DecisionContent | undefined
  /** What serving pods are annotated with, so that they take up the routing file at once. */
  stamps: Stamps | undefined
  /** What has to be kept of this look where the rest of the plan can't be carried out. */
  counted: RolloutStatus | undefined
  /** Golden texts are to be sent to this version through the Service, and what becomes of them goes into the status. */
  rehearse: string | undefined
  hasServiceMonitor: boolean
  /** What the HorizontalPodAutoscaler is to say; undefined where there is to be none. */
  autoscaling: Autoscaling | undefined
  /** Versions whose pods and Service are to go. */
  retire: string[]
  removeVersions: ModelVersion[]
  status: SentimentModelStatus
  requeueAfterMs?: number
}

/** Kept-alive connections and late endpoint updates still reach the old pods for a moment after the switch. */
const DRAIN_GRACE_MS = 20_000

/** How often something that moves without an event is looked at: progress of a training, pods that do not become ready. */
const LOOK_AGAIN_MS = 10_000

export function planModel(observed: ModelObserved, now: number): ModelPlan {
  const { model, versions } = observed
  const { spec } = model
  const desired = desiredVersion(model.metadata.name, spec)
  const baseline = baselineVersion(model.metadata.name, spec)
  const pin = spec.serving.version
  const full = fullReplicas(observed, now)
  const rollout = planRollout(
    {
      model: { namespace: model.metadata.namespace, name: model.metadata.name },
      stable: observed.stable,
      desired: desired.name,
      pin,
      versions,
      serving: observed.serving,
      settings: spec.rollout,
      replicas: full,
      before: model.status,
      commands: readCommands(model.metadata),
      evidence: observed.evidence,
      routing: observed.routing,
      lastDecision: observed.lastDecision,
    },
    now,
  )

  const draining = drainingVersions(observed, rollout, now)
  const running = new Set([rollout.stable, rollout.candidate, baseline?.name].filter((name) => name !== undefined))
  const inUse = new Set([
    ...running,
    desired.name,
    ...(pin === undefined ? [] : [pin]),
    ...draining.map((drain) => drain.version),
    ...(rollout.withdrawing === undefined ? [] : [rollout.withdrawing]),
    ...rollbackTarget(model.status, rollout.stable),
  ])
  const serviceMonitor = planServiceMonitor(spec, observed.hasServiceMonitorApi)
  const stays = new Set([
    ...running,
    ...draining.map((drain) => drain.version),
    ...(rollout.withdrawing === undefined ? [] : [rollout.withdrawing]),
  ])
  const routing = planRouting(observed, rollout, deployedBaseline(baseline, versions, spec))
  const scaling = planScaling(observed, rollout, full, now)
  const requeueAfterMs = requeue(observed, { running, draining, rollout, scaling }, now)
  const status = planModelStatus(
    {
      observed,
      rollout,
      routing,
      desired: desired.name,
      baseline: baseline?.name,
      blocked: serviceMonitor.blocked,
      scaling,
    },
    now,
  )
  return {
    versions: [desired, ...(baseline ? [baseline] : [])],
    claim: spec.storage.claimName === undefined ? ownClaim(model.metadata.name) : undefined,
    deploy: [...running].flatMap((name) =>
      deployed(name, versions, spec, replicasOf(name, { rollout, baseline: baseline?.name, spec, full })),
    ),
    stable: rollout.stable,
    routing,
    stamps: routing && stampsOf(routing, rollout, model.status, now),
    counted: rollout.counted,
    rehearse: rollout.rehearse,
    hasServiceMonitor: serviceMonitor.isWanted,
    autoscaling: spec.serving.autoscaling && scaling && boundedAutoscaling(spec.serving.autoscaling, scaling),
    retire: observed.served.filter((name) => !stays.has(name)),
    removeVersions: beyondHistory(versions, inUse, spec.history.keepVersions),
    decision: decisionOf({ model, versions, after: status, promoted: rollout.promoted }, now),
    status,
    ...(requeueAfterMs !== undefined && { requeueAfterMs }),
  }
}

export const ownClaim = (model: string) => `${model}-artifacts`

/** Where a model's artifacts are: the claim the user names, or the one made for it. */
export const claimOf = (model: SentimentModel) => model.spec.storage.claimName ?? ownClaim(model.metadata.name)

/** A version whose pods are to run: only one with an artifact and a verdict, so that every pod is pinned to a digest. */
function deployed(
  name: string,
  versions: readonly ModelVersion[],
  spec: SentimentModelSpec,
  replicas: number,
): Deployed[] {
  const version = versions.find((candidate) => candidate.metadata.name === name)
  const digest = version?.status?.artifact?.manifestSha256
  if (!version || digest === undefined || version.status?.phase !== 'Accepted') return []
  return [{ version: name, digest, precision: servedPrecision(version, spec), replicas }]
}

function replicasOf(
  name: string,
  {
    rollout,
    baseline,
    spec,
    full,
  }: { rollout: RolloutPlan; baseline: string | undefined; spec: SentimentModelSpec; full: number },
): number {
  if (name === rollout.candidate) return rollout.replicas
  // Nothing of what an autoscaler measures goes to the baseline.
  if (name === baseline) return Math.min(full, spec.serving.autoscaling?.minReplicas ?? full)
  return full
}

function deployedBaseline(
  baseline: VersionIdentity | undefined,
  versions: readonly ModelVersion[],
  spec: SentimentModelSpec,
) {
  return baseline && deployed(baseline.name, versions, spec, 0).length > 0 ? baseline.name : undefined
}

interface Drain {
  version: string
  until: number
}

/** The version that was stable before, for a grace time after the switch. */
function drainingVersions({ model, serving }: ModelObserved, rollout: RolloutPlan, now: number): Drain[] {
  if (rollout.promotion?.from !== undefined) return [{ version: rollout.promotion.from, until: now + DRAIN_GRACE_MS }]
  const last = model.status?.promotions?.at(-1)
  // The operator died between the switch and its record: the grace begins with the record, which is written now.
  if (last && last.version !== rollout.stable) return [{ version: last.version, until: now + DRAIN_GRACE_MS }]
  if (last?.from === undefined) return []
  const until = Date.parse(last.time) + DRAIN_GRACE_MS
  return until > now && serving.some((candidate) => candidate.version === last.from)
    ? [{ version: last.from, until }]
    : []
}

function planRouting(
  { model, routing: before }: ModelObserved,
  rollout: RolloutPlan,
  baseline: string | undefined,
): Routing | undefined {
  const settings = model.spec.rollout
  // Pods mount this file, so the first candidate needs one before it is stable.
  const stable = rollout.stable ?? rollout.candidate
  const candidate = rollout.candidate === stable ? undefined : rollout.candidate
  const names = [...new Set([stable, candidate, baseline].filter((name) => name !== undefined))].sort()
  if (stable === undefined && baseline === undefined) return before
  const slo = settings.analysis.latencySLO
  const content = {
    stable: stable ?? '',
    ...(candidate !== undefined && { candidate }),
    perMille: rollout.perMille,
    shadowPerMille: rollout.shadowPerMille,
    ...(settings.stickyHeader !== undefined && { stickyHeader: settings.stickyHeader.toLowerCase() }),
    ...(slo !== undefined && { latencySloMs: durationMs(slo) }),
    candidateTimeoutMs: durationMs(settings.candidateTimeout),
    ...(baseline !== undefined && { baseline }),
    endpoints: Object.fromEntries(names.map((name) => [name, `http://${name}:8000`])),
  }
  // Epochs never come again, also where someone has deleted the file: a pod that runs an old one must not seem to run the new one.
  const { epoch, ...old } = before ?? { epoch: model.status?.routing?.epoch ?? 0 }
  return { epoch: canonicalJson(old) === canonicalJson(content) ? epoch : epoch + 1, ...content }
}

/** How long a pod is given before it is prodded: the kubelet may have looked before the new content had reached it. */
const PROD_AFTER_MS = 3_000

/** The epoch for every pod; for those that run another file though they answer, once more after 3 s, 6 s, 12 s and so on. */
function stampsOf(
  { epoch }: Routing,
  { lagging }: RolloutPlan,
  status: SentimentModelStatus | undefined,
  now: number,
): Stamps {
  const written = status?.routing
  const late = written?.epoch === epoch ? now - Date.parse(written.since) : 0
  const times = late < PROD_AFTER_MS ? 0 : Math.floor(Math.log2(late / PROD_AFTER_MS)) + 1
  const prodded = times === 0 ? [] : lagging.filter(({ hasAnswered }) => hasAnswered).map(({ pod }) => pod)
  return { epoch: String(epoch), prodded: new Map(prodded.map((pod) => [pod, `${epoch}-${times}`])) }
}

/** The version before the stable one stays within reach of a pin, however many others have failed since. */
function rollbackTarget(status: SentimentModelStatus | undefined, stable: string | undefined): string[] {
  const before = status?.promotions?.map((entry) => entry.version).filter((name) => name !== stable)
  return before?.slice(-1) ?? []
}

/** Versions that nothing uses, beyond the newest `keep`. */
function beyondHistory(versions: readonly ModelVersion[], inUse: ReadonlySet<string>, keep: number): ModelVersion[] {
  return versions
    .filter((version) => !inUse.has(version.metadata.name))
    .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))
    .slice(keep)
}

function planServiceMonitor(spec: SentimentModelSpec, hasApi: boolean): { isWanted: boolean; blocked?: Blocked } {
  const wanted = spec.monitoring.serviceMonitor
  if (wanted === 'Disabled' || (wanted === 'Auto' && !hasApi)) return { isWanted: false }
  if (hasApi) return { isWanted: true }
  const object = 'CustomResourceDefinition/servicemonitors.monitoring.coreos.com'
  const message =
    'spec.monitoring.serviceMonitor is Enabled, but the cluster has no ServiceMonitor resource: install the Prometheus operator, or set Auto'
  return { isWanted: false, blocked: { reason: 'ServiceMonitorMissing', object, message } }
}

function requeue(
  { versions, serving }: ModelObserved,
  {
    running,
    draining,
    rollout,
    scaling,
  }: {
    running: ReadonlySet<string>
    draining: readonly Drain[]
    rollout: RolloutPlan
    scaling: SentimentModelStatus['scaling']
  },
  now: number,
): number | undefined {
  const waits = draining.map((drain) => drain.until - now)
  if (rollout.requeueAfterMs !== undefined) waits.push(rollout.requeueAfterMs)
  if (scaling?.held?.until !== undefined) waits.push(Date.parse(scaling.held.until) - now)
  if (versions.some((version) => version.status?.phase === 'Training')) waits.push(LOOK_AGAIN_MS)
  // A probe that goes on failing changes nothing that would wake us.
  if (serving.some((one) => running.has(one.version) && !one.isFullyReady)) waits.push(LOOK_AGAIN_MS)
  return waits.length === 0 ? undefined : Math.max(100, Math.min(...waits))
}
