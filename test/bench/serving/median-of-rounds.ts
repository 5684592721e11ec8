/** One row of results out of the rounds in which the same was measured. */
import { rounded } from '../progress.ts'
import { median } from './percentile.ts'
import type { Run } from './results.ts'
import type { StepSummary } from './step-summary.ts'

/** What one round has measured of one server, workload and load. */
export interface Round extends StepSummary {
  cpuMs: number
  rssMiB: number
  generatorCpuShare: number
  othersCpuShare: number
}

export function medianOfRounds(
  what: Pick<Run, 'part' | 'server' | 'precision' | 'workload' | 'load' | 'offeredRps'>,
  rounds: readonly Round[],
): Run {
  const of = (value: (round: Round) => number) => median(rounds.map(value))
  const sum = (value: (round: Round) => number) => rounds.reduce((all, round) => all + value(round), 0)
  const answers = sum(({ requests, failures }) => requests - failures)
  return {
    ...what,
    rps: rounded(
      of(({ rps }) => rps),
      2,
    ),
    p50Ms: rounded(
      of(({ p50Ms }) => p50Ms),
      2,
    ),
    p99Ms: rounded(
      of(({ p99Ms }) => p99Ms),
      2,
    ),
    requests: sum(({ requests }) => requests),
    failures: sum(({ failures }) => failures),
    cpuMsPer1000Tokens: rounded(
      of(({ cpuMs, tokens }) => (tokens === 0 ? 0 : (cpuMs / tokens) * 1000)),
      1,
    ),
    rssMiB: rounded(Math.max(...rounds.map(({ rssMiB }) => rssMiB))),
    labelAgreement: answers === 0 ? 0 : rounded(sum(({ sameLabel }) => sameLabel) / answers, 5),
    maxScoreDifference: rounded(Math.max(...rounds.map(({ maxScoreDifference }) => maxScoreDifference)), 7),
    lagP99Ms: rounded(
      of(({ lagP99Ms }) => lagP99Ms),
      2,
    ),
    generatorCpuShare: rounded(
      of(({ generatorCpuShare }) => generatorCpuShare),
      4,
    ),
    othersCpuShare: rounded(
      of(({ othersCpuShare }) => othersCpuShare),
      4,
    ),
    rpsOfRounds: rounds.map(({ rps }) => rounded(rps, 2)),
    p99MsOfRounds: rounds.map(({ p99Ms }) => rounded(p99Ms, 2)),
  }
}

/** Rounds by what they are of, in the order in which each came first. */
export class RoundsByLoad {
  readonly #rounds = new Map<string, { what: Parameters<typeof medianOfRounds>[0]; rounds: Round[] }>()

  add(what: Parameters<typeof medianOfRounds>[0], round: Round): void {
    const key = JSON.stringify(what)
    const known = this.#rounds.get(key)
    if (known) known.rounds.push(round)
    else this.#rounds.set(key, { what, rounds: [round] })
  }

  runs(): Run[] {
    return [...this.#rounds.values()].map(({ what, rounds }) => medianOfRounds(what, rounds))
  }
}
