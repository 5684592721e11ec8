/** Messages between the benchmark and its load generator. */
import type { Dialect } from './dialect.ts'

/** A text, and what PyTorch says of it. */
export interface AskedText {
  text: string
  label: string
  score: number
}

export type Load =
  /** Each caller sends its next request once it has the answer to the last. */
  | { kind: 'closed'; callers: number }
  /** Requests come when they come, however many are still waited for; milliseconds from the start. */
  | { kind: 'open'; arrivals: Float64Array }

export interface Step {
  url: string
  dialect: Dialect
  load: Load
  /** Of a closed loop: for so long it begins requests. */
  seconds: number
  /** Indexes of texts, taken one after the other from the first one on, and then again. */
  order: Uint32Array
  /** Ends after every text of the order was asked once. */
  once: boolean
  headers: Record<string, string>
  /** What has no answer so long after the last request began has failed. */
  timeoutMs: number
}

export type ToGenerator = { kind: 'texts'; texts: AskedText[] } | { kind: 'step'; step: Step }

/** One element for each request, in the order in which they were due. */
export interface Requests {
  text: Uint32Array
  /** Milliseconds from the start of the step: when it was due, when it went out, when its answer was complete. */
  intended: Float64Array
  sent: Float64Array
  done: Float64Array
  /** Of HTTP; 0: none. */
  status: Uint16Array
  /** 1: PyTorch's label. */
  sameLabel: Uint8Array
  /** |score - PyTorch's score| of the same label; of another label, of the probabilities of that label if there are two. */
  scoreDifference: Float64Array
}

export interface StepResult {
  requests: Requests
  /** From the first request's start until the last one's end. */
  elapsedMs: number
  /** Of the load generator's process. */
  cpuMs: number
  /** A few words on the first failures. */
  problems: string[]
}

export type FromGenerator =
  { kind: 'ready' } | { kind: 'done'; result: StepResult } | { kind: 'failed'; reason: string }
