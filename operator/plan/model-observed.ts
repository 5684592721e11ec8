import type { Routing } from '../../contract/routing.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { AutoscalerObservation, PodObservation, Warning } from './observed.ts'
import type { RecordedDecision } from './rollout/decision.ts'
import type { EvidenceObserved } from './rollout/evidence.ts'
import type { ServingObservation } from './rollout/switch.ts'

/** The pods of one version: its Deployment and what hangs on it. */
export interface Serving extends ServingObservation {
  pods: readonly PodObservation[]
  warnings: readonly Warning[]
  /** The Deployment's own words where it can't create pods: quota, admission. */
  refused?: string
}

export interface ModelObserved {
  model: SentimentModel
  versions: readonly ModelVersion[]
  /** The version that the front Service selects. */
  stable: string | undefined
  serving: readonly Serving[]
  /** Every version that has a Deployment, Service or disruption budget, whole or in part. */
  served: readonly string[]
  routing: Routing | undefined
  /** The newest decision on record. */
  lastDecision?: RecordedDecision
  /** What the serving pods say; gathered during a rollout. */
  evidence?: EvidenceObserved
  hasServiceMonitorApi: boolean
  /** The HorizontalPodAutoscaler that was made for it. */
  autoscaler?: AutoscalerObservation
}
