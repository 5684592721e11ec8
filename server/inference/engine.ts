/** What turns token ids into logits. Knows neither text nor HTTP. */

export interface Encoded {
  /** Token ids, special tokens included, at most the model's maximal length. */
  inputIds: Int32Array
}

/** How long a caller waits. */
export interface Wait {
  /** Time of `performance.now()` after which the answer is of no use; Infinity: waits for ever. */
  deadline: number
  signal?: AbortSignal | undefined
}

export interface Engine {
  /** Workers that can take a batch now or run one. 0: nothing can be inferred, the server is not ready. */
  readonly liveWorkers: number
  /** Texts that wait for a worker. */
  readonly queued: number
  /** Tokens of the texts that wait or run. */
  readonly tokensInFlight: number
  /** Seconds until a text that came now would begin to run, as far as is known. */
  readonly expectedWaitSeconds: number
  /**
   * Whether that many items would be admitted now: to be asked before work is put into them.
   * @throws InferenceError as `infer` would
   */
  checkAdmission(items: number, wait: Wait): void
  /**
   * Logits of each item, in order, one value for each label. Either all items are admitted or none.
   * @throws InferenceError
   */
  infer(items: readonly Encoded[], wait: Wait): Promise<Float32Array[]>
  /** Finishes what was admitted, then ends the workers. A worker is never ended during a run: that aborts the process. */
  close(): Promise<void>
}

/** Why a request got no inference although nothing is wrong with it. */
export type Refusal = 'QueueFull' | 'Overloaded' | 'DeadlineExceeded' | 'Abandoned'

/** What an engine tells about its work; seconds by the clock. */
export interface EngineObserver {
  /** A text has left the queue for a worker. */
  queued(seconds: number): void
  /** A run has ended; `paddedTokens` is rows * longest row. */
  inferred(run: { seconds: number; rows: number; tokens: number; paddedTokens: number }): void
  rejected(code: Refusal): void
  workerRestarted(): void
}
