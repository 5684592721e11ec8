/** How many workers this process has room for: one for each whole CPU, as far as memory carries their sessions. */
import { cpuLimit } from './cpu-limit.ts'
import { memoryLimit } from './memory-limit.ts'

/** The process without a model: Node, the tokenizer, the texts in hand. */
const BASE_BYTES = 150e6
/** A session holds the file and its weights, laid out anew, for a moment; so does packing. */
const MODEL_FACTOR = 2.5
/** A worker's own beside the weights: its thread, and what a run of the longest texts allocates. */
const WORKER_BYTES = 100e6

export interface WorkerCount {
  workers: number
  cpus: number
  /** Undefined: no limit. */
  memoryLimitBytes?: number
}

/**
 * `{cpus: 64, memoryBytes: 2 GiB}` and a model of 256 MB: (2147 - 150 - 2.5 * 256) / 100 are 13 workers that share its weights, and
 * (2147 - 150) / (100 + 2.5 * 256) are 2 that each have their own.
 */
export function workerCount(
  model: { bytes: number; isShared: boolean },
  limits = { cpus: cpuLimit(), memoryBytes: memoryLimit() },
): WorkerCount {
  const weights = MODEL_FACTOR * model.bytes
  const [common, each] = model.isShared ? [BASE_BYTES + weights, WORKER_BYTES] : [BASE_BYTES, WORKER_BYTES + weights]
  return {
    workers: Math.max(1, Math.floor(Math.min(limits.cpus, (limits.memoryBytes - common) / each))),
    cpus: limits.cpus,
    ...(limits.memoryBytes !== Infinity && { memoryLimitBytes: limits.memoryBytes }),
  }
}
