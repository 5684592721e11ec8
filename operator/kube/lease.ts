import type { Logger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { KubeClient } from './client.ts'

export interface LeaderElectionOptions {
  /** One without `permitWrite`: the lease itself is written by those who do not lead. */
  client: KubeClient
  namespace: string
  name: string
  /** Unique to this process: the pod's name and a random suffix. */
  identity: string
  /** 15 s: how long after the last renewal another may take over. */
  leaseDurationMs?: number
  /** 10 s: how long the holder goes on trying to renew before it gives up. */
  renewDeadlineMs?: number
  /** 2 s between tries. */
  retryPeriodMs?: number
  clock: Clock
  log: Logger
}

export declare class NotLeaderError extends Error {
  readonly code: 'NOT_LEADER'
}

export declare class LeaderElection {
  constructor(options: LeaderElectionOptions)
  get isLeader(): boolean
  /** Resolves when this process becomes the leader. */
  acquired(signal: AbortSignal): Promise<void>
  /** For `permitWrite` of the client: throws NotLeaderError unless this process leads now; the signal is aborted when it ceases to. */
  permit(): AbortSignal
  /** Resolves after the signal: the lease is then released. Rejects with NotLeaderError when a lease that was held is lost. */
  run(signal: AbortSignal): Promise<void>
}
