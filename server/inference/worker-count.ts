/** How many workers this process has room for: one for each whole CPU, as far as memory carries their sessions. */
import { cpuLimit } from './cpu-limit.ts'
import { memoryLimit } from './memory-limit.ts'

/** A worker's share of the process beside its model: thread, tokenizer's texts, the runtime's own buffers. */
const BASE_BYTES = 150e6
/** Loading holds the file and the session's weights for a moment; running adds the activations. */
const MODEL_FACTOR = 2.5

export interface WorkerCount {
  workers: number
  cpus: number
  /** Undefined: no limit. */
  memoryLimitBytes?: number
}

/** `{cpus: 64, memoryBytes: 2 GiB}` and a model of 256 MB: 2147 / (2.5 * 256 + 150) is 2 workers. */
export function workerCount(
  modelBytes: number,
  limits = { cpus: cpuLimit(), memoryBytes: memoryLimit() },
): WorkerCount {
  const byMemory = limits.memoryBytes / (MODEL_FACTOR * modelBytes + BASE_BYTES)
  return {
    workers: Math.max(1, Math.floor(Math.min(limits.cpus, byMemory))),
    cpus: limits.cpus,
    ...(limits.memoryBytes !== Infinity && { memoryLimitBytes: limits.memoryBytes }),
  }
}
