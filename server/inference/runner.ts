/** What runs one batch at a time: a worker thread today; an asynchronous `run()` of the runtime could stand in its place. */

export interface BatchResult {
  /** One for each row, in order. */
  logits: Float32Array[]
  /** By the clock. */
  seconds: number
}

export interface Runner {
  /** `idle`: takes a batch now. `gone`: replaced by itself, or never any more once it was closed. */
  readonly state: 'starting' | 'idle' | 'busy' | 'gone'
  /**
   * Rows of token ids, padded by the runner to the longest.
   * @throws ModelFailure where the model refuses the rows, RunnerLost where the runner ended over them
   */
  run(rows: readonly Int32Array[]): Promise<BatchResult>
}

export class ModelFailure extends Error {
  override readonly name = 'ModelFailure'
}

export class RunnerLost extends Error {
  override readonly name = 'RunnerLost'
}
