import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { ProbeServer } from './probes.ts'

/** Something that runs until its signal is aborted; rejects if it can't go on. */
export interface Runnable {
  name: string
  run(signal: AbortSignal): Promise<void>
}

export interface ManagerOptions {
  probes: ProbeServer
  /** Run from the start, also while another replica leads. */
  informers: readonly (Runnable & { synced(signal: AbortSignal): Promise<void> })[]
  /** Absent: no election, this process leads at once. */
  election?: { run(signal: AbortSignal): Promise<void>; acquired(signal: AbortSignal): Promise<void> }
  /** Run only while this process leads. */
  controllers: readonly Runnable[]
  /** For the informers' first lists; 2 min unless said. */
  syncTimeoutMs?: number
  /** For reconciliations that run when the stop comes; 20 s unless said. */
  graceMs?: number
  clock: Clock
  log: Logger
}

/** What the process should exit with. */
export type ManagerResult = { exitCode: 0 } | { exitCode: 1; reason: string; cause?: unknown }

export declare function runManager(options: ManagerOptions, signal: AbortSignal): Promise<ManagerResult>
