import type { Logger } from 'pino'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { Images } from '../plan/version.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Caches } from './caches.ts'
import type { EvidenceLedger } from './evidence.ts'
import type { ReadProgress } from './progress.ts'
import type { AskService } from './rehearsal.ts'
import type { RolloutMetrics } from './rollout-metrics.ts'

/** What both controllers work with. */
export interface OperatorContext {
  client: KubeClient
  /** The local copies that hold this namespace. */
  caches: (namespace: string) => Caches
  images: Images
  imagePullPolicy: string
  /** Whether the cluster has ServiceMonitors now. */
  hasServiceMonitorApi: () => boolean
  readProgress: ReadProgress
  evidence: EvidenceLedger
  askService: AskService
  rolloutMetrics: RolloutMetrics
  events: EventRecorder
  clock: Clock
  log: Logger
}
