/** What was measured: docs/benchmarks/serving.json. Each part can be measured anew by itself; the others stay as they are. */
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { writeFormatted } from '../formatted-file.ts'
import { machine } from '../machine.ts'
import { WORKLOADS } from './workloads.ts'

export const RESULTS_FILE = 'docs/benchmarks/serving.json'

/** In the order in which they are measured: the rates of the open loop follow from the bare run, which is part of the closed loop. */
export const PARTS = ['quality', 'closed', 'open', 'overload', 'memory', 'start', 'soak'] as const
export type Part = (typeof PARTS)[number]

const count = z.int().nonnegative()
const measure = z.number().nonnegative()
const workload = z.enum(WORKLOADS)
const precision = z.enum(['fp32', 'int8'])
export type Precision = z.infer<typeof precision>
const which = { server: z.string(), precision }

/** Medians over the rounds, but for what is said otherwise. */
const run = z.object({
  part: z.enum(['closed', 'open']),
  ...which,
  workload,
  /** `closed <callers>`, `open <requests a second>`, and of the bare run `threads <n>`, `threads <n>, batches` or `threads 1, pauses`. */
  load: z.string(),
  /** Of an open loop. */
  offeredRps: measure.optional(),
  /** Good answers a second. */
  rps: measure,
  /** Of all requests; of an open loop from when they were due, and one that failed counts as the longest wait there is. */
  p50Ms: measure,
  p99Ms: measure,
  /** Of all rounds. */
  requests: count,
  failures: count,
  cpuMsPer1000Tokens: measure,
  /** The highest of all rounds, over all processes of the server. */
  rssMiB: measure,
  /** Of the answers of all rounds: PyTorch's label. */
  labelAgreement: z.number().min(0).max(1),
  /** The largest of all rounds. */
  maxScoreDifference: measure,
  /** 99th percentile of how late the load generator sent what was due: part of the latencies, and not the server's. */
  lagP99Ms: measure,
  /** Of the CPU time that all cores have: by the load generator, and by what is neither it nor the server. */
  generatorCpuShare: measure,
  othersCpuShare: measure,
  rpsOfRounds: z.array(measure),
  p99MsOfRounds: z.array(measure),
})
export type Run = z.infer<typeof run>

const quality = z.object({
  ...which,
  texts: z.enum(['sentences', 'reviews']),
  count,
  accuracy: z.number(),
  /** Of PyTorch on the same texts. */
  referenceAccuracy: z.number(),
  labelAgreement: z.number(),
  maxScoreDifference: measure,
})
export type Quality = z.infer<typeof quality>

const overload = z.object({
  workload,
  capacityRps: measure,
  offeredRps: measure,
  deadlineMs: count,
  requests: count,
  /** HTTP status, 0: none. */
  statuses: z.record(z.string(), count),
  /** Of the 200: came later than the deadline that the request named, from when it was sent; and by how much the latest. */
  pastDeadline: count,
  mostPastDeadlineMs: measure,
  serverErrors: count,
  acceptedP99Ms: measure,
  /** Null: had not recovered when the look ended. */
  recoverySeconds: measure.nullable(),
})
export type Overload = z.infer<typeof overload>

const memory = z.object({
  precision,
  workers: count,
  callers: count,
  peakRssMiB: measure,
  pssMiB: measure,
  failures: count,
})
export type Memory = z.infer<typeof memory>

const start = z.object({ ...which, medianSeconds: measure, seconds: z.array(measure) })

const soak = z.object({
  seconds: measure,
  callers: count,
  requests: count,
  badRequests: count,
  abandoned: count,
  /** Answered with a status that this request should not get, or not at all. */
  unexpected: count,
  problems: z.array(z.string()),
  sameLabel: z.number(),
  /** Half a minute after its begin, and at its end. */
  rssMiB: z.object({ begin: measure, end: measure, peak: measure, growthPerHour: z.number() }),
  openFiles: z.object({ idleBefore: count, idleAfter: count, peak: count }),
  /** Node's own count of what keeps its loop alive. */
  handles: z.object({ idleBefore: count, idleAfter: count }),
  restartedWorkers: count,
})

const ratioOfWorkload = z.partialRecord(workload, z.number().nonnegative())

export const ratios = z.object({
  /** Ours, int8, at saturation, of the bare run's rate. */
  ceiling: ratioOfWorkload,
  ceilingFp32: ratioOfWorkload,
  /** Ours, int8, over the original as written, each one's best rate at p99 <= 100 ms. */
  originalAtP99: ratioOfWorkload,
  /** Ours, int8, over the peer with the highest rate, each at saturation. */
  bestPeer: ratioOfWorkload,
  /** The same by the best rate at p99 <= 100 ms. */
  bestPeerAtP99: ratioOfWorkload,
  /** Our p99 of the best peer's at the same offered load, the highest that this peer sustains. */
  bestPeerP99: ratioOfWorkload,
  /** Ours, fp32, over the tuned original, at saturation. */
  fp32: ratioOfWorkload,
  /** The same by the best rate at p99 <= 100 ms. */
  fp32AtP99: ratioOfWorkload,
  /** Our median of one caller of the bare run's median in one thread. */
  idle: ratioOfWorkload,
  /** The same against the bare run that pauses between two texts. */
  idlePaused: ratioOfWorkload,
})
export type Ratios = z.infer<typeof ratios>
export type RatioName = keyof Ratios

const results = z
  .object({
    machine,
    model: z.object({
      version: z.string(),
      digest: z.string(),
      source: z.string(),
      maxLength: count,
      torch: z.string(),
      transformers: z.string(),
    }),
    runs: z.array(run),
    ratios: ratios.partial(),
    quality: z.array(quality),
    overload: z.array(overload),
    memory: z.array(memory),
    starts: z.array(start),
    soak,
    measured: z.partialRecord(z.enum(PARTS), z.object({ date: z.string(), seconds: measure, command: z.string() })),
  })
  .partial()
export type Results = z.infer<typeof results>

export function readResults(file: string = RESULTS_FILE): Results {
  return existsSync(file) ? results.parse(JSON.parse(readFileSync(file, 'utf8'))) : {}
}

/** In the order of the schema, whichever part was measured first. */
export async function writeResults(measured: Results, file: string = RESULTS_FILE): Promise<void> {
  await writeFormatted(file, JSON.stringify(results.parse(measured)))
}
