import type { Logger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'
import type { KubeObject, Live } from './object.ts'

export interface EventOptions {
  regarding: Live<KubeObject>
  related?: Live<KubeObject>
  type: 'Normal' | 'Warning'
  /** CamelCase, <= 128 characters: why. */
  reason: string
  /** CamelCase, <= 128 characters: what was done. */
  action: string
  /** For humans; cut at 1024 bytes. */
  note: string
}

/** Never rejects and never throws: an event that can't be written is logged. */
export type EventRecorder = (event: EventOptions) => void

export declare function createEventRecorder(options: {
  client: KubeClient
  /** e.g. `valence.dev/operator` */
  reportingController: string
  /** e.g. the pod's name */
  reportingInstance: string
  clock: Clock
  log: Logger
}): EventRecorder & { flush(): Promise<void> }
