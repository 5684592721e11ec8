/** gather -> plan -> act -> status -> events, for one ModelVersion. */
import type { ModelVersionStatus } from '../../api/v1alpha1/model-version.ts'
import { buildJob } from '../../builders/job.ts'
import { jobs as jobResource } from '../../kube/resource.ts'
import { versionEvents } from '../../plan/events.ts'
import { blockedVersionStatus, imageOf, planVersion, type VersionPlan } from '../../plan/version.ts'
import type { Reconcile } from '../../runtime/controller.ts'
import { createChild, deleteChild, isOwnerAlive, REFUSAL_RETRY_MS, refusalOf, writeStatus } from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { modelVersions } from '../resources.ts'
import { gather, type Gathered } from './gather.ts'
import { removeModelVersion } from './remove.ts'

export const reconcileModelVersion =
  (context: OperatorContext): Reconcile =>
  async (request, signal) => {
    const version = context.caches(request.namespace).versions.get(request.namespace, request.name)
    if (version?.metadata.deletionTimestamp !== undefined) return removeModelVersion(context, version, signal)
    const gathered = await gather(context, request, signal)
    if (!gathered) return {}
    const now = context.clock.now()
    const plan = planVersion(gathered.observed, now)
    try {
      await act(context, gathered, plan, signal)
    } catch (error) {
      const blocked = refusalOf(error)
      if (!blocked) throw error
      context.log.warn({ key: `${request.namespace}/${request.name}`, err: error }, 'a write was refused')
      await report(context, gathered, blockedVersionStatus(gathered.observed.version, blocked, now), signal)
      return { requeueAfterMs: REFUSAL_RETRY_MS }
    }
    await report(context, gathered, plan.status, signal)
    return { requeueAfterMs: plan.requeueAfterMs }
  }

async function act(
  context: OperatorContext,
  { version, jobs, observed }: Gathered,
  plan: VersionPlan,
  signal: AbortSignal,
): Promise<void> {
  const { client } = context
  const cache = context.caches(observed.version.metadata.namespace).jobs
  if (plan.remove.length > 0 && (await isOwnerAlive(client, modelVersions, version, signal))) {
    const doomed = new Set(plan.remove.map((job) => job.uid))
    for (const object of jobs.filter((job) => doomed.has(job.metadata.uid))) {
      await deleteChild(client, { resource: jobResource, cache, object }, signal)
    }
  }
  if (plan.start) {
    const { stage, attempt, job, inputHash, against } = plan.start
    const { imagePullPolicy } = context
    const { claimName, spec } = observed
    const image = imageOf(stage, observed)
    const input = {
      // With what this very look found out: the evaluation of an artifact may begin before its digest is on record.
      version: { ...observed.version, status: plan.status },
      spec,
      stage,
      attempt,
      name: job,
      inputHash,
      image,
      imagePullPolicy,
      claimName,
      ...(against && { against }),
    }
    await createChild(client, version, { resource: jobResource, cache, desired: buildJob(input) }, signal)
  }
}

async function report(
  context: OperatorContext,
  { version, observed }: Gathered,
  status: ModelVersionStatus,
  signal: AbortSignal,
): Promise<void> {
  const cache = context.caches(observed.version.metadata.namespace).versions
  if (!(await writeStatus(context.client, { resource: modelVersions, cache, object: version, status }, signal))) return
  for (const event of versionEvents(version.status, status)) context.events.record({ regarding: version, ...event })
}
