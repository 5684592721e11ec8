/** Messages between the benchmark, the process of the bare run, and its threads. */
export interface BareTask {
  modelPath: string
  /** Token ids of every text of the corpus. */
  ids: number[][]
  order: number[]
  labels: number
  /** Most texts of one run of the model. */
  rows: number
}

export interface BareStep extends BareTask {
  threads: number
  /** Between one run of the model and the next; 0: none. */
  pauseMs: number
  seconds: number
  warmUpSeconds: number
}

export interface ThreadResult {
  /** Of each run of the model. */
  latenciesMs: number[]
  answered: number
  tokens: number
  /** Text and its logits, once for each text that came up. */
  logits: [number, number[]][]
}

export interface BareResult extends ThreadResult {
  elapsedMs: number
  cpuMs: number
  /** Of everything on the machine meanwhile. */
  machineCpuMs: number
  peakRssMiB: number
}
