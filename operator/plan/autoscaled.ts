/** What the HorizontalPodAutoscaler says of itself, as one condition of the model. Whatever it says, the model answers with the pods it has. */
import type { Autoscaling } from '../api/v1alpha1/autoscaling.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import type { Blocked } from './blocked.ts'
import { mergeConditions, type ConditionFact } from './conditions.ts'
import type { AutoscalerObservation } from './observed.ts'

const type = 'Autoscaled'

export function autoscaledFact(
  autoscaling: Autoscaling | undefined,
  { autoscaler, held }: NonNullable<SentimentModelStatus['scaling']>,
  observed: AutoscalerObservation | undefined,
): ConditionFact {
  const object = `HorizontalPodAutoscaler/${autoscaler}`
  const find = (name: string) => observed?.conditions.find((condition) => condition.type === name)
  const failed = ['AbleToScale', 'ScalingActive'].map(find).find((condition) => condition?.status === 'False')
  if (failed) return { type, status: 'False', reason: failed.reason, message: `${object}: ${failed.message}` }
  const active = find('ScalingActive')
  if (active?.status !== 'True')
    return { type, status: 'Unknown', reason: 'NotMeasured', message: `${object} has not measured anything yet` }
  const { minReplicas = 1, maxReplicas = minReplicas } = autoscaling ?? {}
  const bounds = `${object} keeps between ${Math.max(minReplicas, held?.replicas ?? 0)} and ${maxReplicas} pods`
  const limited = find('ScalingLimited')
  return limited?.status === 'True' && limited.reason === 'TooManyReplicas'
    ? { type, status: 'True', reason: limited.reason, message: `${bounds}, and would take more than maxReplicas` }
    : { type, status: 'True', reason: 'ScalingActive', message: bounds }
}

/** The status of a model whose HorizontalPodAutoscaler could not be written. Nothing else of it depends on that. */
export function withRefusedAutoscaler(
  status: SentimentModelStatus,
  before: SentimentModelStatus | undefined,
  { reason, object, message }: Blocked,
  now: number,
): SentimentModelStatus {
  const fact: ConditionFact = { type, status: 'False', reason, message: `${object}: ${message}` }
  const conditions = (status.conditions ?? []).flatMap((condition) =>
    condition.type === type
      ? mergeConditions(before?.conditions ?? [], [fact], condition.observedGeneration ?? 0, now)
      : [condition],
  )
  return { ...status, conditions }
}
