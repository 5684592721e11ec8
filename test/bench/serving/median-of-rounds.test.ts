import { expect, test } from 'vitest'
import { RoundsByLoad, type Round } from './median-of-rounds.ts'

const what = { part: 'closed', server: 'valence', precision: 'int8', workload: 'short', load: 'closed 8' } as const
const round = (more: Partial<Round>): Round => ({
  requests: 100,
  failures: 0,
  rps: 100,
  p50Ms: 10,
  p99Ms: 20,
  tokens: 1000,
  sameLabel: 99,
  maxScoreDifference: 0.01,
  lagP99Ms: 1,
  cpuMs: 2000,
  rssMiB: 200,
  generatorCpuShare: 0.05,
  othersCpuShare: 0,
  ...more,
})

test('rates and latencies are medians, counts are sums, memory and differences the highest', () => {
  const rounds = new RoundsByLoad()
  rounds.add(what, round({ rps: 90, p99Ms: 400, rssMiB: 250 }))
  rounds.add(what, round({ rps: 110, failures: 50, sameLabel: 49, maxScoreDifference: 0.2 }))
  rounds.add(what, round({ rps: 100 }))
  expect(rounds.runs()).toEqual([
    expect.objectContaining({
      ...what,
      rps: 100,
      p99Ms: 20,
      requests: 300,
      failures: 50,
      rssMiB: 250,
      maxScoreDifference: 0.2,
      labelAgreement: 0.988,
      cpuMsPer1000Tokens: 2000,
      rpsOfRounds: [90, 110, 100],
    }),
  ])
})

test('other loads are other rows', () => {
  const rounds = new RoundsByLoad()
  rounds.add(what, round({}))
  rounds.add({ ...what, load: 'closed 1' }, round({}))
  rounds.add(what, round({}))
  expect(rounds.runs().map(({ load, requests }) => [load, requests])).toEqual([
    ['closed 8', 200],
    ['closed 1', 100],
  ])
})
