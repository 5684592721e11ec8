/** How many workers this process has room for: one for each whole CPU, as far as memory carries their sessions. */
import { cpuLimit } from './cpu-limit.ts'
import { memoryLimit } from './memory-limit.ts'

/** The process without a model: Node, the tokenizer, the texts in hand. */
const BASE_BYTES = 150e6
/** Packing loads the file and lays its weights out anew; the workers share what comes of it. */
const MODEL_FACTOR = 2.5
/** A worker's own: its thread, and what a run of the longest texts allocates. */
const WORKER_BYTES = 100e6

export interface WorkerCount {
  workers: number
  cpus: number
  /** Undefined: no limit. */
  memoryLimitBytes?: number
}

/** `{cpus: 64, memoryBytes: 2 GiB}` and a model of 256 MB: (2147 - 150 - 2.5 * 256) / 100 are 13 workers. */
export function workerCount(
  modelBytes: number,
  limits = { cpus: cpuLimit(), memoryBytes: memoryLimit() },
): WorkerCount {
  const byMemory = (limits.memoryBytes - BASE_BYTES - MODEL_FACTOR * modelBytes) / WORKER_BYTES
  return {
    workers: Math.max(1, Math.floor(Math.min(limits.cpus, byMemory))),
    cpus: limits.cpus,
    ...(limits.memoryBytes !== Infinity && { memoryLimitBytes: limits.memoryBytes }),
  }
}
