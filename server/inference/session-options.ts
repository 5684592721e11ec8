import type { InferenceSession } from 'onnxruntime-node'

/** One thread a session: the parallelism is the number of workers, and it stays within the pod's CPU limit. */
export const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  // It keeps a plan for each shape it has seen, and ours are a thousand; without it runs take the same time.
  enableMemPattern: false,
  // Fatal only: errors come back as exceptions and are reported as such.
  logSeverityLevel: 4,
} as const satisfies InferenceSession.SessionOptions
