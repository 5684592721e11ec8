import type { InferenceSession } from 'onnxruntime-node'

/** One thread a session: the parallelism is the number of workers, and it stays within the pod's CPU limit. */
export const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  // Fatal only: errors come back as exceptions and are reported as such.
  logSeverityLevel: 4,
} as const satisfies InferenceSession.SessionOptions
