import { routingName } from '../../builders/deployment.ts'
import { readDecisions } from '../../builders/decision.ts'
import { LABELS } from '../../builders/metadata.ts'
import { readRouting } from '../../builders/routing.ts'
import { parseModelVersion, type ModelVersion } from '../../api/v1alpha1/model-version.ts'
import { parseSentimentModel, type SentimentModel } from '../../api/v1alpha1/sentiment-model.ts'
import type { FieldError } from '../../api/parse.ts'
import { controllerOf, type KubeObject, type Live } from '../../kube/object.ts'
import type { Deployment, HorizontalPodAutoscaler, Pod, PodDisruptionBudget, Service } from '../../kube/resource.ts'
import type { ModelObserved, Serving } from '../../plan/model-observed.ts'
import type { ReconcileRequest } from '../../runtime/controller.ts'
import { BY_VERSION } from '../caches.ts'
import type { OperatorContext } from '../context.ts'
import { gatherPods, gatherWarnings, isStuck } from '../gather-pods.ts'
import { isWatched } from '../../plan/rollout/rollout.ts'
import type { ServingPod } from '../evidence.ts'
import { observeAutoscaler, observeDeployment, observePod, refusal } from '../observe.ts'
import { stableOf } from '../stable.ts'

export interface Gathered {
  live: Live<SentimentModel>
  owned: {
    versions: Live<ModelVersion>[]
    deployments: Live<Deployment>[]
    services: Live<Service>[]
    disruptionBudgets: Live<PodDisruptionBudget>[]
    autoscalers: Live<HorizontalPodAutoscaler>[]
  }
  observed: ModelObserved
}

export type GatherResult =
  | { kind: 'gone' }
  | { kind: 'invalid'; live: Live<SentimentModel>; errors: readonly FieldError[] }
  | ({ kind: 'found' } & Gathered)

export async function gather(
  context: OperatorContext,
  { namespace, name }: ReconcileRequest,
  signal: AbortSignal,
): Promise<GatherResult> {
  const caches = context.caches(namespace)
  const live = caches.models.get(namespace, name)
  // A model that is going takes everything it owns with it; making or mending anything now would only be in the way.
  if (!live || live.metadata.deletionTimestamp !== undefined) return { kind: 'gone' }
  const parsed = parseSentimentModel(live)
  if (!parsed.ok) return { kind: 'invalid', live, errors: parsed.errors }

  const { uid } = live.metadata
  const owned = {
    versions: caches.versions.ownedBy(uid).filter(isStaying),
    deployments: caches.deployments.ownedBy(uid),
    services: caches.services.ownedBy(uid),
    disruptionBudgets: caches.disruptionBudgets.ownedBy(uid),
    autoscalers: caches.autoscalers.ownedBy(uid),
  }
  const evidence = isWatched(parsed.value.status?.rollout)
    ? await context.evidence.collect(`${namespace}/${name}`, servingPods(context, namespace, owned.deployments), signal)
    : undefined
  const lastDecision = readDecisions(caches.configMaps.ownedBy(uid)).at(-1)?.decision
  const front = owned.services.find((service) => service.metadata.name === name)
  const autoscaler = owned.autoscalers.find((one) => one.metadata.name === name)
  const routing = caches.configMaps.get(namespace, routingName(name))
  return {
    kind: 'found',
    live,
    owned,
    observed: {
      model: parsed.value,
      versions: owned.versions.flatMap(parsedVersion),
      stable: stableOf(front, parsed.value, [...owned.versions, ...owned.deployments]),
      serving: await Promise.all(owned.deployments.map((deployment) => gatherServing(context, deployment, signal))),
      served: servedVersions([...owned.deployments, ...owned.services, ...owned.disruptionBudgets]),
      routing: routing && controllerOf(routing)?.uid === uid ? readRouting(routing) : undefined,
      hasServiceMonitorApi: context.hasServiceMonitorApi(),
      ...(lastDecision && { lastDecision }),
      ...(evidence && { evidence }),
      ...(autoscaler && { autoscaler: observeAutoscaler(autoscaler) }),
    },
  }
}

/** Pods that may answer, of these Deployments. */
export function servingPods(
  context: OperatorContext,
  namespace: string,
  deployments: readonly Live<Deployment>[],
): ServingPod[] {
  return livePods(context, namespace, deployments)
    .filter((pod) => pod.status?.phase === 'Running')
    .map((pod) => {
      const { uid, name, ready: isReady, ip } = observePod(pod)
      return { uid, name, version: pod.metadata.labels?.[LABELS.version] ?? '', ip, isReady }
    })
}

export function livePods(
  context: OperatorContext,
  namespace: string,
  deployments: readonly Live<Deployment>[],
): Live<Pod>[] {
  return deployments
    .flatMap(({ metadata }) => context.caches(namespace).pods.byIndex(BY_VERSION, `${namespace}/${metadata.name}`))
    .filter((pod) => pod.metadata.labels?.[LABELS.component] === 'server' && isStaying(pod))
}

/** The front Service carries no version: it is everybody's. */
function servedVersions(objects: readonly KubeObject[]): string[] {
  return [...new Set(objects.flatMap((object) => object.metadata.labels?.[LABELS.version] ?? []))]
}

const isStaying = (object: KubeObject) => object.metadata.deletionTimestamp === undefined

function parsedVersion(version: Live<ModelVersion>): ModelVersion[] {
  const parsed = parseModelVersion(version)
  return parsed.ok ? [parsed.value] : []
}

async function gatherServing(
  context: OperatorContext,
  deployment: Live<Deployment>,
  signal: AbortSignal,
): Promise<Serving> {
  const serving = observeDeployment(deployment)
  const refused = refusal(deployment)
  if (serving.isFullyReady) return { ...serving, pods: [], warnings: [] }
  const { namespace = '', name } = deployment.metadata
  const ofVersion = context.caches(namespace).pods.byIndex(BY_VERSION, `${namespace}/${name}`)
  const servers = ofVersion.filter((pod) => pod.metadata.labels?.[LABELS.component] === 'server')
  const pods = await gatherPods(context, servers, signal)
  const stuck = pods.filter(isStuck).map((pod) => pod.uid)
  const warnings = stuck.length > 0 ? await gatherWarnings(context, namespace, stuck, signal) : []
  return { ...serving, pods, warnings, ...(refused !== undefined && { refused }) }
}
