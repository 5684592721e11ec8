import { parseModelVersion, type ModelVersion } from '../../api/v1alpha1/model-version.ts'
import { parseSentimentModel, type SentimentModel } from '../../api/v1alpha1/sentiment-model.ts'
import { controllerOf, type Live } from '../../kube/object.ts'
import { jobs as jobResource, pods as podResource, type Job, type Pod } from '../../kube/resource.ts'
import { wantedVersions } from '../../plan/identity.ts'
import { claimOf } from '../../plan/model.ts'
import type { JobObservation } from '../../plan/observed.ts'
import type { VersionObserved } from '../../plan/version.ts'
import type { ReconcileRequest } from '../../runtime/controller.ts'
import { BY_VERSION, type Caches } from '../caches.ts'
import type { OperatorContext } from '../context.ts'
import { gatherPods, gatherWarnings, isStuck } from '../gather-pods.ts'
import { observeJob } from '../observe.ts'
import { stableOf } from '../stable.ts'

export interface Gathered {
  version: Live<ModelVersion>
  model: SentimentModel
  jobs: Live<Job>[]
  observed: VersionObserved
}

/** undefined: there is nothing to do, because the version or its model is gone or going; what they own goes with them. */
export async function gather(
  context: OperatorContext,
  { namespace, name }: ReconcileRequest,
  signal: AbortSignal,
): Promise<Gathered | undefined> {
  const caches = context.caches(namespace)
  const version = caches.versions.get(namespace, name)
  if (!version || version.metadata.deletionTimestamp !== undefined) return undefined
  const model = caches.models.get(namespace, version.spec.model)
  if (!model || model.metadata.deletionTimestamp !== undefined || model.metadata.uid !== controllerOf(version)?.uid)
    return undefined

  const parsedModel = parseSentimentModel(model)
  const parsedVersion = parseModelVersion(version)
  // The model's own controller tells the user what is wrong with a spec that an older CRD let pass.
  if (!parsedModel.ok || !parsedVersion.ok) return undefined

  const jobs = [...caches.jobs.ownedBy(version.metadata.uid), ...(await unseenJobs(context, version, signal))]
  const observations = await Promise.all(jobs.map((job) => gatherJob(context, job, version, signal)))
  return {
    version,
    model: parsedModel.value,
    jobs,
    observed: {
      version: parsedVersion.value,
      spec: parsedModel.value.spec,
      isWanted: wantedVersions(model.metadata.name, parsedModel.value.spec).has(name),
      jobs: observations,
      images: context.images,
      claimName: claimOf(parsedModel.value),
      stable: stableVersion(caches, model, parsedModel.value),
    },
  }
}

function stableVersion(caches: Caches, live: Live<SentimentModel>, model: SentimentModel): ModelVersion | undefined {
  const { name, uid } = live.metadata
  const versions = caches.versions.ownedBy(uid)
  const front = caches.services.ownedBy(uid).find((service) => service.metadata.name === name)
  const stable = stableOf(front, model, [...versions, ...caches.deployments.ownedBy(uid)])
  const found = versions.find((version) => version.metadata.name === stable)
  const parsed = found && parseModelVersion(found)
  return parsed?.ok ? parsed.value : undefined
}

/**
 * Jobs that are on record as running but not in the cache. A watch that lags behind must not make a Job look deleted: a second one
 * would be started beside it.
 */
async function unseenJobs(
  context: OperatorContext,
  version: Live<ModelVersion>,
  signal: AbortSignal,
): Promise<Live<Job>[]> {
  const { namespace, uid } = version.metadata
  const cache = context.caches(namespace).jobs
  const open = (version.status?.attempts ?? []).filter((entry) => entry.result === undefined)
  const missing = open.filter((entry) => !cache.get(namespace, entry.job))
  const found = await Promise.all(missing.map((entry) => context.client.get(jobResource, namespace, entry.job, signal)))
  return found.filter((job) => job !== undefined).filter((job) => controllerOf(job)?.uid === uid)
}

async function gatherJob(
  context: OperatorContext,
  job: Live<Job>,
  version: Live<ModelVersion>,
  signal: AbortSignal,
): Promise<JobObservation> {
  const { namespace, name, uid } = job.metadata
  const caches = context.caches(namespace ?? '')
  const isOpen = !version.status?.attempts?.some((entry) => entry.job === name && entry.result !== undefined)
  const ofJob = caches.pods
    .byIndex(BY_VERSION, `${namespace ?? ''}/${version.metadata.name}`)
    .filter((pod) => controllerOf(pod)?.uid === uid)
  // What is on record needs no second look at logs and events.
  if (!isOpen) return observeJob(job, [], [])
  const pods = await gatherPods(context, await witnesses(context, job, ofJob, signal), signal)
  const stuck = pods.filter(isStuck).map((pod) => pod.uid)
  const isWaiting = pods.length === 0 || stuck.length > 0
  const warnings = isWaiting ? await gatherWarnings(context, namespace ?? '', [uid, ...stuck], signal) : []
  const observed = observeJob(job, pods, warnings)
  const running = pods.find((pod) => pod.phase === 'Running')
  if (observed.stage !== 'train' || !running) return observed
  const progress = await context.readProgress(running, signal)
  return progress ? { ...observed, progress } : observed
}

/**
 * The pods that tell how a Job ended. Jobs and pods come over watches of their own, so the end of a Job may be known here before
 * that of its pod: then the API server is asked, lest a result that is there be taken for lost.
 */
async function witnesses(
  context: OperatorContext,
  job: Live<Job>,
  cached: Live<Pod>[],
  signal: AbortSignal,
): Promise<Live<Pod>[]> {
  const isFinished = observeJob(job, [], []).finished !== undefined
  const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (!isFinished || (cached.length > 0 && cached.every(hasEnded))) return cached
  const { namespace, name, uid } = job.metadata
  const labelSelector = `batch.kubernetes.io/job-name=${name}`
  const { items } = await context.client.list(podResource, { namespace, labelSelector }, signal)
  return items.filter((pod) => controllerOf(pod)?.uid === uid)
}
