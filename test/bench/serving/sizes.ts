/** How much is measured. */
import type { Workload } from './workloads.ts'

export interface Sizes {
  rounds: number
  /** Of one step. */
  seconds: number
  /** Before the first step of a server: until compilers have compiled what requests run through. */
  newServerSeconds: number
  /** Before the steps of a workload. */
  warmUpSeconds: number
  callers: readonly number[]
  /** Of the ceiling: the rates of the open loop, the same for all servers. */
  rateShares: readonly number[]
  workloads: readonly Workload[]
  /** Names and precisions. */
  servers: readonly string[]
  /** Undefined: all there are. */
  sentences: number | undefined
  reviews: number
  soakSeconds: number
}

/** From a share that also a slow server sustains, each one by a third more than the last, up to the ceiling. */
const RATE_SHARES = Array.from({ length: 11 }, (_, step) => 0.05 * 1.35 ** step)

export const SIZES = {
  report: {
    rounds: 3,
    seconds: 5,
    newServerSeconds: 5,
    warmUpSeconds: 1,
    callers: [1, 8, 32, 64],
    rateShares: RATE_SHARES,
    workloads: ['short', 'long', 'mixed', 'adversarial'],
    servers: [
      ...['valence int8', 'original fp32', 'onnx-python int8', 'valence fp32', 'original-tuned fp32'],
      ...['onnx-python-batching int8', 'infinity fp32', 'onnx-python fp32'],
    ],
    sentences: undefined,
    reviews: 400,
    soakSeconds: 0,
  },
  /** Every part and every kind of server, as short as it goes: its figures mean nothing. */
  smoke: {
    rounds: 1,
    seconds: 1,
    newServerSeconds: 0.5,
    warmUpSeconds: 0.3,
    callers: [1, 8],
    rateShares: [0.1, 0.5],
    workloads: ['short', 'adversarial'],
    servers: ['valence int8', 'original fp32', 'onnx-python int8'],
    sentences: 200,
    reviews: 40,
    soakSeconds: 10,
  },
} as const satisfies Record<string, Sizes>
