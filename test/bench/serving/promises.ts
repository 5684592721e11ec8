/** What was promised of a serving pod, as bounds on figures: the page shows each with its verdict. */
import type { Machine } from '../machine.ts'
import type { RatioName, Results } from './results.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

export interface Verdict {
  promise: string
  wanted: string
  measured: string
  isKept: boolean
}

const LIMITS = {
  ceiling: 0.85,
  originalAtP99: { vnni: 8, without: 5 },
  fp32: 2,
  bestPeerP99: 0.7,
  labelAgreement: 0.985,
  accuracyPoints: 0.5,
  idle: 1.3,
  memoryMiB: 400,
  secondWorker: 1.3,
  recoverySeconds: 2,
  startSeconds: 3,
  soak: { seconds: 1800, growthMiBPerHour: 10, openFiles: 4 },
} as const

/** Only of what was measured. */
export function verdictsOf(results: Results): Verdict[] {
  const { machine, quality, overload, memory, starts, soak } = results
  const original = hasVnni(machine) ? LIMITS.originalAtP99.vnni : LIMITS.originalAtP99.without
  const of = (name: RatioName, promise: string, bound: Bound, workloads: readonly Workload[] = WORKLOADS) =>
    workloads.flatMap((workload) => {
      const value = results.ratios?.[name]?.[workload]
      return value === undefined ? [] : [verdict(`${promise}, ${workload} texts`, value, bound)]
    })
  const ours =
    (precision: string) =>
    ({ server, ...one }: { server: string; precision: string }) =>
      server === 'valence' && one.precision === precision
  const pods = (precision: string, workers: number) =>
    memory?.find((one) => one.precision === precision && one.workers === workers)?.peakRssMiB
  const [oneWorker, twoWorkers] = [pods('int8', 1), pods('int8', 2)]
  const start = starts?.find(ours('int8'))
  return [
    ...of('ceiling', 'int8 of the bare run, at saturation', atLeast(LIMITS.ceiling), ['short', 'long']),
    ...of('originalAtP99', 'int8 over the original, best rate at p99 <= 100 ms', atLeast(original)),
    ...of('fp32', 'fp32 over the tuned original, at saturation', atLeast(LIMITS.fp32)),
    ...of('bestPeer', 'over the best peer, at saturation', atLeast(1)),
    ...of('bestPeerP99', "p99 of the best peer's at the same load", atMost(LIMITS.bestPeerP99)),
    ...of('idle', 'one caller of the bare run, median', atMost(LIMITS.idle)),
    ...(quality ?? [])
      .filter(ours('int8'))
      .flatMap(({ texts, labelAgreement, accuracy, referenceAccuracy }) => [
        verdict(`int8, same label as PyTorch, ${texts}`, labelAgreement, atLeast(LIMITS.labelAgreement)),
        verdict(
          `int8, points of accuracy below PyTorch, ${texts}`,
          Math.round(1e4 * Math.max(0, referenceAccuracy - accuracy)) / 100,
          atMost(LIMITS.accuracyPoints),
        ),
      ]),
    ...(twoWorkers === undefined
      ? []
      : [verdict('int8, two workers, longest texts, 64 callers: MiB', twoWorkers, atMost(LIMITS.memoryMiB))]),
    ...(oneWorker === undefined || twoWorkers === undefined
      ? []
      : [verdict('the same, two workers over one', round(twoWorkers / oneWorker), atMost(LIMITS.secondWorker))]),
    ...(overload ?? []).flatMap((one) => [
      verdict(`overload, accepted and past the deadline, ${one.workload} texts`, one.pastDeadline, atMost(0)),
      verdict(`overload, 5xx, ${one.workload} texts`, one.serverErrors, atMost(0)),
      verdict(
        `overload, seconds to recover, ${one.workload} texts`,
        one.recoverySeconds ?? Infinity,
        atMost(LIMITS.recoverySeconds),
      ),
    ]),
    ...(start ? [verdict('int8, seconds to ready', start.medianSeconds, atMost(LIMITS.startSeconds))] : []),
    ...(soak
      ? [
          verdict('soak, requests answered otherwise than they should', soak.unexpected, atMost(0)),
          verdict('soak, workers that had to be replaced', soak.restartedWorkers, atMost(0)),
          verdict(
            'soak, open files more after than before',
            soak.openFiles.idleAfter - soak.openFiles.idleBefore,
            atMost(LIMITS.soak.openFiles),
          ),
          // Within minutes the heap is still finding its size.
          ...(soak.seconds < LIMITS.soak.seconds
            ? []
            : [
                verdict(
                  'soak, MiB an hour in the second half',
                  soak.rssMiB.growthPerHour,
                  atMost(LIMITS.soak.growthMiBPerHour),
                ),
              ]),
        ]
      : []),
  ]
}

const hasVnni = (machine: Machine | undefined): boolean =>
  ['avx512_vnni', 'avx_vnni', 'amx_int8'].some((name) => machine?.instructions?.includes(name))

interface Bound {
  text: string
  holds: (value: number) => boolean
}
const atLeast = (bound: number): Bound => ({ text: `at least ${bound}`, holds: (value) => value >= bound })
const atMost = (bound: number): Bound => ({ text: `at most ${bound}`, holds: (value) => value <= bound })

function verdict(promise: string, value: number, { text, holds }: Bound): Verdict {
  return {
    promise,
    wanted: text,
    measured: Number.isFinite(value) ? String(round(value)) : 'never',
    isKept: holds(value),
  }
}

const round = (value: number): number => Number(value.toFixed(3))
