/** How many times as fast: every ratio is of figures out of one run on one machine. */
import { rounded } from '../progress.ts'
import { rateAtP99, type OpenStep } from './rate-at-p99.ts'
import type { Precision, Ratios, Run } from './results.ts'
import { isSustained } from './sustained.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

export const BARE = 'bare'
/** Load of the bare run that pauses between two texts. */
export const PAUSED = 'threads 1, pauses'
const P99_LIMIT_MS = 100
/** Neither ours nor the original's. */
const NO_PEERS: readonly string[] = ['valence', 'original', 'original-tuned', BARE]

export interface Who {
  server: string
  precision: Precision
}
const OURS: Who = { server: 'valence', precision: 'int8' }
const OURS_FP32: Who = { server: 'valence', precision: 'fp32' }
const ORIGINAL: Who = { server: 'original', precision: 'fp32' }
const TUNED: Who = { server: 'original-tuned', precision: 'fp32' }

/** What was not measured, or has no such rate at all, has no ratio. */
export function ratiosOf(runs: readonly Run[]): Ratios {
  const of = (ratio: (workload: Workload) => number | undefined) =>
    Object.fromEntries(
      WORKLOADS.flatMap((workload) => {
        const value = ratio(workload)
        return value !== undefined && Number.isFinite(value) ? [[workload, rounded(value, 3)]] : []
      }),
    )
  const atP99 = (who: Who, workload: Workload) => rateWithin(runs, who, workload, P99_LIMIT_MS)
  const saturation = (who: Who, workload: Workload) => saturationOf(runs, who, workload)
  return {
    ceiling: of((workload) => quotient(saturation(OURS, workload), ceilingOf(runs, workload, 'int8'))),
    ceilingFp32: of((workload) => quotient(saturation(OURS_FP32, workload), ceilingOf(runs, workload, 'fp32'))),
    originalAtP99: of((workload) => quotient(atP99(OURS, workload), atP99(ORIGINAL, workload))),
    bestPeer: of((workload) => quotient(saturation(OURS, workload), bestOf(runs, workload, saturationOf)?.value)),
    bestPeerAtP99: of((workload) => {
      const rate = (some: readonly Run[], who: Who, where: Workload) => rateWithin(some, who, where, P99_LIMIT_MS)
      return quotient(atP99(OURS, workload), bestOf(runs, workload, rate)?.value)
    }),
    bestPeerP99: of((workload) => tailRatio(runs, workload)),
    fp32: of((workload) => quotient(saturation(OURS_FP32, workload), saturation(TUNED, workload))),
    fp32AtP99: of((workload) => quotient(atP99(OURS_FP32, workload), atP99(TUNED, workload))),
    idle: of((workload) => idleRatio(runs, workload, 'threads 1')),
    idlePaused: of((workload) => idleRatio(runs, workload, PAUSED)),
  }
}

/** The better of single texts and batches. */
export function ceilingOf(runs: readonly Run[], workload: Workload, precision: Precision): number | undefined {
  const rates = runs.filter((run) => run.server === BARE && run.precision === precision && run.workload === workload)
  return rates.length === 0 ? undefined : Math.max(...rates.map(({ rps }) => rps))
}

/** The most that it answered, at whichever load. */
export function saturationOf(runs: readonly Run[], who: Who, workload: Workload): number | undefined {
  const rates = runs.filter((run) => run.part === 'closed' && isOf(run, who, workload)).map(({ rps }) => rps)
  return rates.length === 0 ? undefined : Math.max(...rates)
}

/** The best rate at which p99 keeps the limit; undefined where it was not measured. */
export function rateWithin(runs: readonly Run[], who: Who, workload: Workload, limitMs: number): number | undefined {
  const steps = openSteps(runs, who, workload)
  return steps.length === 0 ? undefined : rateAtP99(steps, limitMs)
}

export function openSteps(runs: readonly Run[], who: Who, workload: Workload): OpenStep[] {
  return runs.flatMap((run) => {
    const { part, offeredRps, rps, failures, p99Ms } = run
    if (part !== 'open' || offeredRps === undefined || !isOf(run, who, workload)) return []
    return [{ offeredRps, p99Ms, isSustained: isSustained({ offeredRps, rps, failures }) }]
  })
}

/** The peer that is best by that measure, of those that were measured. */
function bestOf(
  runs: readonly Run[],
  workload: Workload,
  measure: (runs: readonly Run[], who: Who, workload: Workload) => number | undefined,
): { who: Who; value: number } | undefined {
  const peers = new Map(
    runs
      .filter(({ server }) => !NO_PEERS.includes(server))
      .map(({ server, precision }) => [`${server} ${precision}`, { server, precision }]),
  )
  return [...peers.values()]
    .flatMap((who) => {
      const value = measure(runs, who, workload)
      return value === undefined ? [] : [{ who, value }]
    })
    .toSorted((a, b) => b.value - a.value)[0]
}

/** At the highest rate that the peer with the highest capacity sustains. */
function tailRatio(runs: readonly Run[], workload: Workload): number | undefined {
  const best = bestOf(runs, workload, saturationOf)
  if (best === undefined) return undefined
  const highest = openSteps(runs, best.who, workload)
    .filter((step) => step.isSustained)
    .toSorted((a, b) => b.offeredRps - a.offeredRps)[0]
  const ours = openSteps(runs, OURS, workload).find(({ offeredRps }) => offeredRps === highest?.offeredRps)
  return quotient(ours?.p99Ms, highest?.p99Ms)
}

function idleRatio(runs: readonly Run[], workload: Workload, load: string): number | undefined {
  // Half of these are short and half are long: the median is either, by chance.
  if (workload === 'adversarial') return undefined
  const bare = runs.find((run) => run.load === load && isOf(run, OURS, workload, BARE))
  const ours = runs.find((run) => run.load === 'closed 1' && isOf(run, OURS, workload))
  return quotient(ours?.p50Ms, bare?.p50Ms)
}

const isOf = (run: Run, { precision, server }: Who, workload: Workload, name = server): boolean =>
  run.server === name && run.precision === precision && run.workload === workload

const quotient = (value: number | undefined, of: number | undefined): number | undefined =>
  value === undefined || of === undefined || of === 0 ? undefined : value / of
