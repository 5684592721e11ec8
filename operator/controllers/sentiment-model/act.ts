/** Writes what the plan asks for, in an order in which every moment in between is safe. */
import { ANNOTATIONS } from '../../builders/metadata.ts'
import { buildAutoscaler } from '../../builders/autoscaler.ts'
import { buildClaim } from '../../builders/claim.ts'
import { buildDeployment } from '../../builders/deployment.ts'
import { buildDisruptionBudget } from '../../builders/disruption-budget.ts'
import { buildModelVersion } from '../../builders/model-version.ts'
import { buildRouting } from '../../builders/routing.ts'
import { buildServiceMonitor } from '../../builders/service-monitor.ts'
import { buildFrontService, buildVersionService } from '../../builders/service.ts'
import type { SentimentModel } from '../../api/v1alpha1/sentiment-model.ts'
import type { KubeClient } from '../../kube/client.ts'
import { isNotFound } from '../../kube/api-error.ts'
import { controllerOf, type KubeObject, type Live } from '../../kube/object.ts'
import {
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  serviceMonitors,
  services,
} from '../../kube/resource.ts'
import type { Blocked } from '../../plan/blocked.ts'
import { claimOf, type ModelPlan } from '../../plan/model.ts'
import {
  applyChild,
  assertNameFree,
  assertOurs,
  createChild,
  deleteChild,
  isOwnerAlive,
  refusalOf,
  type Child,
} from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { modelVersions, sentimentModels } from '../resources.ts'
import { recordDecision } from './decisions.ts'
import { livePods, type Gathered } from './gather.ts'

export interface Acted {
  /** Why the HorizontalPodAutoscaler could not be written. The model answers without one, so all the rest is done. */
  refusedAutoscaler: Blocked | undefined
}

export async function act(
  context: OperatorContext,
  gathered: Gathered,
  plan: ModelPlan,
  signal: AbortSignal,
): Promise<Acted> {
  // First of all: a decision that is on record stands, whatever becomes of this process. Taking traffic away does not depend on it.
  const unrecorded = plan.decision && (await attempt(recordDecision(context, gathered, plan.decision, signal)))
  // A promotion without its record could not be explained: nothing of it happens.
  if (unrecorded && plan.decision?.kind === 'Promote') throw unrecorded.error
  await writeRouting(context, gathered, plan, signal)
  await spreadRouting(context, gathered, plan, signal)
  await makeInputs(context, gathered, plan, signal)
  await makePods(context, gathered, plan, signal)
  if (unrecorded) throw unrecorded.error
  await moveTraffic(context, gathered, plan, signal)
  await retire(context, gathered, plan, signal)
  await monitor(context, gathered, plan, signal)
  return { refusedAutoscaler: await autoscale(context, gathered, plan, signal) }
}

/** Undefined where it succeeds. */
async function attempt(work: Promise<void>): Promise<{ error: unknown } | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return { error }
  }
}

/** Storage and versions: what Jobs need. */
async function makeInputs(
  context: OperatorContext,
  { live, owned, observed }: Gathered,
  plan: ModelPlan,
  signal: AbortSignal,
) {
  const { client } = context
  const { model } = observed
  const caches = context.caches(model.metadata.namespace)
  // Nothing is trained for a model whose callers' name is taken.
  if (plan.stable === undefined) {
    await assertNameFree(client, live, { resource: services, ...model.metadata }, signal)
  }
  // A claim's spec is fixed once it is bound, so it is made once and never written again.
  if (plan.claim !== undefined) {
    const existing = caches.claims.get(model.metadata.namespace, plan.claim)
    const child = { resource: persistentVolumeClaims, cache: caches.claims, desired: buildClaim(model, plan.claim) }
    if (existing) assertOurs(persistentVolumeClaims, existing, live)
    else await createChild(client, live, child, signal)
  }
  for (const identity of plan.versions) {
    if (owned.versions.some((version) => version.metadata.name === identity.name)) continue
    const desired = buildModelVersion(model, identity)
    await createChild(client, live, { resource: modelVersions, cache: caches.versions, desired }, signal)
  }
}

/**
 * One HorizontalPodAutoscaler of the model's name, or none. A look that begins a rollout is on record only after this: so the bound
 * that holds during a rollout is there before any weight is.
 */
async function autoscale(
  context: OperatorContext,
  { live, owned, observed }: Gathered,
  { autoscaling }: ModelPlan,
  signal: AbortSignal,
): Promise<Blocked | undefined> {
  const { client } = context
  const { model } = observed
  const cache = context.caches(model.metadata.namespace).autoscalers
  const child = { resource: horizontalPodAutoscalers, cache }
  if (!autoscaling) {
    if (owned.autoscalers.length === 0 || !(await isOwnerAlive(client, sentimentModels, live, signal))) return undefined
    for (const object of owned.autoscalers) await deleteChild(client, { ...child, object }, signal)
    return undefined
  }
  try {
    await applyChild(client, live, { ...child, desired: buildAutoscaler(model, autoscaling) }, signal)
    return undefined
  } catch (error) {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    context.log.warn({ key: `${model.metadata.namespace}/${model.metadata.name}`, err: error }, 'no autoscaler')
    return refusal
  }
}

/** Before the pods, which mount it. */
async function writeRouting(
  context: OperatorContext,
  { live, observed }: Gathered,
  { routing }: ModelPlan,
  signal: AbortSignal,
) {
  if (!routing) return
  const cache = context.caches(observed.model.metadata.namespace).configMaps
  const desired = buildRouting(observed.model, routing)
  await applyChild(context.client, live, { resource: configMaps, cache, desired }, signal)
}

async function makePods(context: OperatorContext, { live, observed }: Gathered, plan: ModelPlan, signal: AbortSignal) {
  const { client, imagePullPolicy } = context
  const { model } = observed
  const caches = context.caches(model.metadata.namespace)
  const apply = <T extends KubeObject>(child: Child<T>) => applyChild(client, live, child, signal)
  const image = model.spec.serving.image ?? context.images.server
  for (const deployed of plan.deploy) {
    const desired = buildDeployment({ model, deployed, image, imagePullPolicy, claimName: claimOf(model) })
    await apply({ resource: deployments, cache: caches.deployments, desired })
    await apply({ resource: services, cache: caches.services, desired: buildVersionService(model, deployed.version) })
    const budget = buildDisruptionBudget(model, deployed.version)
    await apply({ resource: podDisruptionBudgets, cache: caches.disruptionBudgets, desired: budget })
  }
}

/**
 * A kubelet takes up a changed ConfigMap after a minute or so, but at once when the pod itself changes: so every serving pod gets an
 * annotation that names the epoch.
 */
async function spreadRouting(
  context: OperatorContext,
  { owned, observed }: Gathered,
  { stamps }: ModelPlan,
  signal: AbortSignal,
) {
  if (!stamps) return
  const { namespace } = observed.model.metadata
  const cache = context.caches(namespace).pods
  for (const { metadata } of livePods(context, namespace, owned.deployments)) {
    const found = metadata.annotations?.[ANNOTATIONS.routingEpoch]
    const wanted = stamps.prodded.get(metadata.name) ?? stamps.epoch
    // One that was prodded for this epoch needs no other annotation.
    if (found === wanted || (wanted === stamps.epoch && found?.startsWith(`${stamps.epoch}-`) === true)) continue
    const patch = { metadata: { annotations: { [ANNOTATIONS.routingEpoch]: wanted } } }
    try {
      cache.observeWrite(await context.client.mergePatch(pods, namespace, metadata.name, patch, {}, signal))
    } catch (error) {
      if (!isNotFound(error)) throw error // it ended meanwhile
    }
  }
}

/** Last of all, because nothing that serves depends on it. */
async function monitor(context: OperatorContext, { live, observed }: Gathered, plan: ModelPlan, signal: AbortSignal) {
  const { client } = context
  const desired = buildServiceMonitor(observed.model)
  if (plan.hasServiceMonitor) await applyChild(client, live, { resource: serviceMonitors, desired }, signal)
  else if (observed.hasServiceMonitorApi) await withdrawServiceMonitor(client, live, signal)
}

/** Not watched, because its kind may not exist: so it is asked for. */
async function withdrawServiceMonitor(client: KubeClient, live: Live<SentimentModel>, signal: AbortSignal) {
  const { namespace, name, uid } = live.metadata
  const existing = await client.get(serviceMonitors, namespace, name, signal)
  if (!existing || controllerOf(existing)?.uid !== uid || !(await isOwnerAlive(client, sentimentModels, live, signal)))
    return
  await deleteChild(client, { resource: serviceMonitors, object: existing }, signal)
}

/** One write moves all traffic: the front Service's selector. */
async function moveTraffic(
  context: OperatorContext,
  { live, observed }: Gathered,
  plan: ModelPlan,
  signal: AbortSignal,
) {
  if (plan.stable === undefined) return
  const cache = context.caches(observed.model.metadata.namespace).services
  const desired = buildFrontService(observed.model, plan.stable)
  await applyChild(context.client, live, { resource: services, cache, desired }, signal)
}

async function retire(
  context: OperatorContext,
  { live, owned, observed }: Gathered,
  plan: ModelPlan,
  signal: AbortSignal,
) {
  const { client } = context
  const caches = context.caches(observed.model.metadata.namespace)
  const retired = new Set(plan.retire)
  const isRetired = (object: Live<KubeObject>) => retired.has(object.metadata.name)
  const removed = new Set(plan.removeVersions.map((version) => version.metadata.name))
  const doomed = {
    deployments: owned.deployments.filter(isRetired),
    services: owned.services.filter(isRetired),
    disruptionBudgets: owned.disruptionBudgets.filter(isRetired),
    versions: owned.versions.filter((version) => removed.has(version.metadata.name)),
  }
  if (Object.values(doomed).every((list) => list.length === 0)) return
  if (!(await isOwnerAlive(client, sentimentModels, live, signal))) return
  for (const object of doomed.services)
    await deleteChild(client, { resource: services, cache: caches.services, object }, signal)
  for (const object of doomed.deployments)
    await deleteChild(client, { resource: deployments, cache: caches.deployments, object }, signal)
  for (const object of doomed.disruptionBudgets) {
    await deleteChild(client, { resource: podDisruptionBudgets, cache: caches.disruptionBudgets, object }, signal)
  }
  for (const object of doomed.versions)
    await deleteChild(client, { resource: modelVersions, cache: caches.versions, object }, signal)
}
