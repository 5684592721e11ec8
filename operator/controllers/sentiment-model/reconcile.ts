/** gather -> plan -> act -> status -> events, for one SentimentModel. */
import type { SentimentModel, SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'
import type { Live } from '../../kube/object.ts'
import { withRefusedAutoscaler } from '../../plan/autoscaled.ts'
import { modelEvents } from '../../plan/events.ts'
import { planModel, type ModelPlan } from '../../plan/model.ts'
import { blockedStatus } from '../../plan/model-status.ts'
import type { Reconcile } from '../../runtime/controller.ts'
import { REFUSAL_RETRY_MS, refusalOf, writeStatus } from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { sentimentModels } from '../resources.ts'
import { act, type Acted } from './act.ts'
import { rehearse } from '../rehearsal.ts'
import { gather, servingPods, type Gathered } from './gather.ts'

export const reconcileSentimentModel =
  (context: OperatorContext): Reconcile =>
  async (request, signal) => {
    const gathered = await gather(context, request, signal)
    if (gathered.kind === 'gone') {
      context.evidence.forget(`${request.namespace}/${request.name}`)
      context.rolloutMetrics.gone(request)
      return {}
    }
    const now = context.clock.now()
    const { live } = gathered
    if (gathered.kind === 'invalid') {
      const message = gathered.errors.map((error) => `${error.field}: ${error.message}`).join('; ')
      const blocked = { reason: 'SpecInvalid', object: `SentimentModel/${request.name}`, message } as const
      await report(context, live, blockedStatus(live, blocked, now), signal)
      return {}
    }
    const plan = planModel(gathered.observed, now)
    let acted: Acted
    try {
      acted = await act(context, gathered, plan, signal)
    } catch (error) {
      // Counters are read once: what they said must not be lost with the write that failed, or a bad verdict would be forgotten.
      const counted = withCounted(live, plan)
      const blocked = refusalOf(error)
      if (!blocked) {
        if (counted.status) await report(context, live, counted.status, signal)
        throw error
      }
      context.log.warn({ key: `${request.namespace}/${request.name}`, err: error }, 'a write was refused')
      await report(context, live, blockedStatus(counted, blocked, now), signal)
      return { requeueAfterMs: REFUSAL_RETRY_MS }
    }
    const status = plan.rehearse === undefined ? plan.status : await rehearsed(context, gathered, plan, signal)
    const { refusedAutoscaler } = acted
    if (!refusedAutoscaler) {
      await report(context, live, status, signal)
      return { requeueAfterMs: plan.requeueAfterMs }
    }
    await report(context, live, withRefusedAutoscaler(status, live.status, refusedAutoscaler, now), signal)
    return { requeueAfterMs: Math.min(plan.requeueAfterMs ?? REFUSAL_RETRY_MS, REFUSAL_RETRY_MS) }
  }

/** The model with its old status, in which the rollout under way has what this look has counted. */
function withCounted(live: Live<SentimentModel>, { counted }: ModelPlan): Live<SentimentModel> {
  const before = live.status?.rollout
  if (!counted || before?.version !== counted.version || before.startedAt !== counted.startedAt) return live
  return { ...live, status: { ...live.status, rollout: counted } }
}

/** The status with what became of the rehearsal. */
async function rehearsed(
  context: OperatorContext,
  { observed, owned }: Gathered,
  plan: ModelPlan,
  signal: AbortSignal,
) {
  const { rollout } = plan.status
  if (!rollout) return plan.status
  const { metadata } = observed.model
  const { version, from } = rollout
  const rehearsal = await rehearse(
    { ask: context.askService, ledger: context.evidence },
    {
      service: metadata,
      version,
      golden: observed.versions.find((one) => one.metadata.name === version)?.status?.evaluation?.golden ?? [],
      pods: servingPods(context, metadata.namespace, owned.deployments).filter((pod) => pod.version === from),
      before: rollout.rehearsal,
    },
    signal,
  )
  return { ...plan.status, rollout: { ...rollout, rehearsal } }
}

async function report(
  context: OperatorContext,
  live: Live<SentimentModel>,
  status: SentimentModelStatus,
  signal: AbortSignal,
) {
  const cache = context.caches(live.metadata.namespace).models
  if (!(await writeStatus(context.client, { resource: sentimentModels, cache, object: live, status }, signal))) return
  context.rolloutMetrics.written({ namespace: live.metadata.namespace, name: live.metadata.name }, live.status, status)
  for (const event of modelEvents(live.status, status)) context.events.record({ regarding: live, ...event })
}
