import { expect, test } from 'vitest'
import { ratiosOf } from './ratios.ts'
import type { Run } from './results.ts'

const run = (more: Partial<Run>): Run => ({
  part: 'closed',
  server: 'valence',
  precision: 'int8',
  workload: 'short',
  load: 'closed 8',
  rps: 100,
  p50Ms: 10,
  p99Ms: 20,
  requests: 100,
  failures: 0,
  cpuMsPer1000Tokens: 1,
  rssMiB: 1,
  labelAgreement: 1,
  maxScoreDifference: 0,
  lagP99Ms: 0,
  generatorCpuShare: 0,
  othersCpuShare: 0,
  rpsOfRounds: [],
  p99MsOfRounds: [],
  ...more,
})
const open = (server: string, precision: 'int8' | 'fp32', offeredRps: number, p99Ms: number): Run =>
  run({ part: 'open', server, precision, load: `open ${offeredRps}`, offeredRps, rps: offeredRps, p99Ms })

test('the ceiling is the better of single texts and batches, and ours the best of all loads', () => {
  const runs = [
    run({ server: 'bare', load: 'threads 2', rps: 200 }),
    run({ server: 'bare', load: 'threads 2, batches', rps: 180 }),
    run({ load: 'closed 1', rps: 90 }),
    run({ load: 'closed 64', rps: 190 }),
  ]
  expect(ratiosOf(runs).ceiling).toEqual({ short: 0.95 })
})

test('the best peer is the one with the highest capacity, and its tail is compared at its own highest sustained rate', () => {
  const runs = [
    run({ rps: 210 }),
    run({ server: 'onnx-python', rps: 200 }),
    run({ server: 'infinity', precision: 'fp32', rps: 90 }),
    open('valence', 'int8', 100, 20),
    open('valence', 'int8', 150, 30),
    open('valence', 'int8', 180, 60),
    open('onnx-python', 'int8', 100, 40),
    open('onnx-python', 'int8', 150, 75),
    { ...open('onnx-python', 'int8', 180, 900), rps: 120 },
  ]
  const { bestPeer, bestPeerP99 } = ratiosOf(runs)
  expect(bestPeer).toEqual({ short: 1.05 })
  expect(bestPeerP99).toEqual({ short: 0.4 })
})

test('rates at a p99 are held against the original as written, fp32 against the tuned one', () => {
  const runs = [
    open('valence', 'int8', 200, 90),
    open('valence', 'fp32', 100, 90),
    open('original', 'fp32', 20, 95),
    open('original-tuned', 'fp32', 50, 95),
  ]
  const { originalAtP99, fp32AtP99, fp32 } = ratiosOf(runs)
  expect(originalAtP99).toEqual({ short: 10 })
  expect(fp32AtP99).toEqual({ short: 2 })
  expect(fp32).toEqual({})
})

test('a server that never keeps the limit has no rate to be compared with', () => {
  expect(ratiosOf([open('valence', 'int8', 20, 50), open('original', 'fp32', 20, 400)]).originalAtP99).toEqual({})
})

test('idle latency is one caller against the bare run in one thread', () => {
  const runs = [
    run({ server: 'bare', load: 'threads 1', p50Ms: 5 }),
    run({ load: 'closed 1', p50Ms: 6 }),
    run({ load: 'closed 8', p50Ms: 60 }),
  ]
  const { idle, idlePaused } = ratiosOf([...runs, run({ server: 'bare', load: 'threads 1, pauses', p50Ms: 6 })])
  expect(idle).toEqual({ short: 1.2 })
  expect(idlePaused).toEqual({ short: 1 })
})
