/** Messages between the engine and a worker thread. */

export interface WorkerOptions {
  modelPath: string
  padId: number
  /** Labels that the logits must have. */
  labels: number
}

export type ToWorker = { kind: 'run'; rows: Int32Array[] } | { kind: 'close' }

export type FromWorker =
  | { kind: 'ready' }
  /** The model can't be loaded: another try gives the same. */
  | { kind: 'unusable'; reason: string }
  | { kind: 'done'; logits: Float32Array[]; seconds: number }
  | { kind: 'failed'; reason: string }
