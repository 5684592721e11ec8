/** Messages between a runner and its worker thread. */
import type { Measurement, Shape } from './batching/cost-model.ts'
import type { Rows } from './tensors.ts'

export interface WorkerOptions {
  modelPath: string
  padId: number
  /** Labels that the logits must have. */
  labels: number
}

export type ToWorker =
  | { kind: 'run'; rows: Rows }
  /** Times runs of these shapes, in this order, until `budgetMs` of CPU time are used up: what does not fit in is left out. */
  | { kind: 'measure'; shapes: readonly Shape[]; budgetMs: number }
  | { kind: 'close' }

export type FromWorker =
  | { kind: 'ready' }
  /** The model can't be loaded: another try gives the same. */
  | { kind: 'unusable'; reason: string }
  /** `logits` of the rows one after the other; `seconds` by the clock. */
  | { kind: 'done'; logits: Float32Array; seconds: number }
  | { kind: 'failed'; reason: string }
  | { kind: 'measured'; measurements: Measurement[] }
