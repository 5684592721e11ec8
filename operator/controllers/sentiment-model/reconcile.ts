/** gather -> plan -> act -> status -> events, for one SentimentModel. */
import type { SentimentModel, SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'
import type { Live } from '../../kube/object.ts'
import { modelEvents } from '../../plan/events.ts'
import { planModel } from '../../plan/model.ts'
import { blockedStatus } from '../../plan/model-status.ts'
import type { Reconcile } from '../../runtime/controller.ts'
import { REFUSAL_RETRY_MS, refusalOf, writeStatus } from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { sentimentModels } from '../resources.ts'
import { act } from './act.ts'
import { gather } from './gather.ts'

export const reconcileSentimentModel =
  (context: OperatorContext): Reconcile =>
  async (request, signal) => {
    const gathered = await gather(context, request, signal)
    if (gathered.kind === 'gone') return {}
    const now = context.clock.now()
    const { live } = gathered
    if (gathered.kind === 'invalid') {
      const message = gathered.errors.map((error) => `${error.field}: ${error.message}`).join('; ')
      const blocked = { reason: 'SpecInvalid', object: `SentimentModel/${request.name}`, message } as const
      await report(context, live, blockedStatus(live, blocked, now), signal)
      return {}
    }
    const plan = planModel(gathered.observed, now)
    try {
      await act(context, gathered, plan, signal)
    } catch (error) {
      const blocked = refusalOf(error)
      if (!blocked) throw error
      context.log.warn({ key: `${request.namespace}/${request.name}`, err: error }, 'a write was refused')
      await report(context, live, blockedStatus(live, blocked, now), signal)
      return { requeueAfterMs: REFUSAL_RETRY_MS }
    }
    await report(context, live, plan.status, signal)
    return { requeueAfterMs: plan.requeueAfterMs }
  }

async function report(
  context: OperatorContext,
  live: Live<SentimentModel>,
  status: SentimentModelStatus,
  signal: AbortSignal,
) {
  const cache = context.caches(live.metadata.namespace).models
  if (!(await writeStatus(context.client, { resource: sentimentModels, cache, object: live, status }, signal))) return
  for (const event of modelEvents(live.status, status)) context.events.record({ regarding: live, ...event })
}
