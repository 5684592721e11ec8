import type { Logger } from 'pino'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { Images } from '../plan/version.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Caches } from './caches.ts'
import type { ReadProgress } from './progress.ts'

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
  events: EventRecorder
  clock: Clock
  log: Logger
}
