/** The end of a ModelVersion: its artifact goes from the claim, then its finalizer, and with that the object. */
import { LABELS } from '../../builders/metadata.ts'
import { buildRemovalJob } from '../../builders/removal-job.ts'
import { parseModelVersion, type ModelVersion } from '../../api/v1alpha1/model-version.ts'
import { parseSentimentModel, type SentimentModel } from '../../api/v1alpha1/sentiment-model.ts'
import { ApiError, isNotFound } from '../../kube/api-error.ts'
import { controllerOf, type Live } from '../../kube/object.ts'
import { jobs as jobResource, persistentVolumeClaims, type Job } from '../../kube/resource.ts'
import { ownClaim } from '../../plan/model.ts'
import { ARTIFACT_FINALIZER, planRemoval, removalJobName, type RemovalObserved } from '../../plan/removal.ts'
import type { ReconcileResult } from '../../runtime/controller.ts'
import { BY_VERSION } from '../caches.ts'
import { deleteChild, REFUSAL_RETRY_MS } from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { observeJob } from '../observe.ts'
import { modelVersions, sentimentModels } from '../resources.ts'

/** Of a version with a deletion timestamp. */
export async function removeModelVersion(
  context: OperatorContext,
  cached: Live<ModelVersion>,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  // The end of its own Job wakes us before the watch tells that the version has gone: another Job would be made for nobody.
  const version = await context.client.get(modelVersions, cached.metadata.namespace, cached.metadata.name, signal)
  const isGoing = version?.metadata.uid === cached.metadata.uid && version.metadata.deletionTimestamp !== undefined
  if (!isGoing || !version.metadata.finalizers?.includes(ARTIFACT_FINALIZER)) return {}
  const parsed = parseModelVersion(version)
  if (!parsed.ok) return release(context, version, 'its spec is of another release', signal)
  const { observed, model, jobs, removal } = await gatherRemoval(context, version, parsed.value, signal)
  const plan = planRemoval(observed, context.clock.now())
  const cache = context.caches(parsed.value.metadata.namespace).jobs
  switch (plan.kind) {
    case 'release':
      if (removal) await deleteChild(context.client, { resource: jobResource, cache, object: removal }, signal)
      return release(context, version, plan.left, signal)
    case 'stop':
      for (const object of jobs.filter((job) => plan.jobs.some(({ uid }) => uid === job.metadata.uid)))
        await deleteChild(context.client, { resource: jobResource, cache, object }, signal)
      return { requeueAfterMs: plan.requeueAfterMs }
    case 'wait':
      return { requeueAfterMs: plan.requeueAfterMs }
    case 'remove': {
      const desired = buildRemovalJob({
        version: parsed.value,
        spec: model?.spec,
        name: plan.job,
        claimName: plan.claimName,
        image: context.images.server,
        imagePullPolicy: context.imagePullPolicy,
      })
      try {
        cache.observeWrite(await context.client.create(jobResource, desired, {}, signal))
      } catch (error) {
        // The claim goes with the namespace.
        if (isNamespaceTerminating(error)) return release(context, version, undefined, signal)
        if (!(error instanceof ApiError) || error.status >= 500) throw error
        // A quota or a policy may let it pass later; a Job that is there already is found by the next look.
        context.log.warn({ version: version.metadata.name, err: error }, 'the removal of an artifact was refused')
        return { requeueAfterMs: REFUSAL_RETRY_MS }
      }
      return { requeueAfterMs: plan.requeueAfterMs }
    }
  }
}

const isNamespaceTerminating = (error: unknown) =>
  error instanceof ApiError && error.causes.some((cause) => cause.reason === 'NamespaceTerminating')

async function gatherRemoval(
  context: OperatorContext,
  live: Live<ModelVersion>,
  version: ModelVersion,
  signal: AbortSignal,
): Promise<{
  observed: RemovalObserved
  model: SentimentModel | undefined
  jobs: Live<Job>[]
  removal: Live<Job> | undefined
}> {
  const { namespace, name } = version.metadata
  const caches = context.caches(namespace)
  const model = await stayingModel(context, live, version, signal)
  const jobs = caches.jobs.ownedBy(live.metadata.uid)
  const pods = caches.pods
    .byIndex(BY_VERSION, `${namespace}/${name}`)
    .filter((pod) => pod.metadata.labels?.[LABELS.component] !== 'remover')
    .filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
  const deployment = caches.deployments.get(namespace, name)
  const isServing =
    model !== undefined && deployment !== undefined && deployment.metadata.deletionTimestamp === undefined
  const found = await context.client.get(jobResource, namespace, removalJobName(version), signal)
  // Somebody else's Job of that name is neither waited for nor taken away.
  const removal = found?.metadata.labels?.[LABELS.component] === 'remover' ? found : undefined
  return {
    observed: {
      version,
      claim: await claimState(context, version, model, signal),
      isServing,
      active: jobs.map((job) => observeJob(job, [], [])).filter((job) => !job.finished),
      isMounted: pods.length > 0,
      removal: removal && observeJob(removal, [], []),
    },
    model,
    jobs,
    removal,
  }
}

/** The owner, unless it is going too. Asked of the API server: what depends on it can't be taken back. */
async function stayingModel(
  { client }: OperatorContext,
  live: Live<ModelVersion>,
  { metadata, spec }: ModelVersion,
  signal: AbortSignal,
): Promise<SentimentModel | undefined> {
  const model = await client.get(sentimentModels, metadata.namespace, spec.model, signal)
  if (!model || model.metadata.deletionTimestamp !== undefined) return undefined
  if (model.metadata.uid !== controllerOf(live)?.uid) return undefined
  const parsed = parseSentimentModel(model)
  return parsed.ok ? parsed.value : undefined
}

async function claimState(
  { client }: OperatorContext,
  { metadata, spec }: ModelVersion,
  model: SentimentModel | undefined,
  signal: AbortSignal,
): Promise<RemovalObserved['claim']> {
  if (spec.claimName === undefined) return 'going'
  const claim = await client.get(persistentVolumeClaims, metadata.namespace, spec.claimName, signal)
  if (!claim || claim.metadata.deletionTimestamp !== undefined) return 'going'
  const isOwn = spec.claimName === ownClaim(spec.model) && controllerOf(claim)?.name === spec.model
  return isOwn && model === undefined ? 'goesWithItsModel' : 'there'
}

async function release(
  context: OperatorContext,
  version: Live<ModelVersion>,
  left: string | undefined,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { namespace, name, resourceVersion } = version.metadata
  const finalizers = (version.metadata.finalizers ?? []).filter((finalizer) => finalizer !== ARTIFACT_FINALIZER)
  try {
    await context.client.mergePatch(
      modelVersions,
      namespace,
      name,
      { metadata: { finalizers } },
      { resourceVersion },
      signal,
    )
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  if (left !== undefined) {
    context.log.warn({ version: name, namespace }, left)
    context.events.record({ regarding: version, type: 'Warning', reason: 'ArtifactLeft', action: 'Remove', note: left })
  }
  return {}
}
