/** The ceiling: ONNX Runtime on the same texts with nothing around it, a thread for each core. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { say } from '../progress.ts'
import { bestLabel } from './bare/best-label.ts'
import type { BareResult, BareStep } from './bare/protocol.ts'
import type { Bench } from './bench.ts'
import { scoreDifference } from './load/score-difference.ts'
import type { Round, RoundsByLoad } from './median-of-rounds.ts'
import { percentile } from './percentile.ts'
import { BARE, PAUSED } from './ratios.ts'

const BATCH_ROWS = 8
/** About what a lone caller and the HTTP on both sides take between two runs. */
const PAUSE_MS = 1

/** In every round of the closed loop, so that it is held against what was measured beside it. */
export async function measureCeiling(bench: Bench, round: number, rounds: RoundsByLoad): Promise<void> {
  const { cores } = bench.setting
  const loads = [
    { load: `threads ${cores}`, threads: cores, rows: 1, pauseMs: 0 },
    { load: `threads ${cores}, batches`, threads: cores, rows: BATCH_ROWS, pauseMs: 0 },
    // What one text takes while nobody else asks: one after the other, and as a lone caller asks, after a pause in which the core slept.
    ...(cores === 1 ? [] : [{ load: 'threads 1', threads: 1, rows: 1, pauseMs: 0 }]),
    { load: PAUSED, threads: 1, rows: 1, pauseMs: PAUSE_MS },
  ]
  for (const precision of ['int8', 'fp32'] as const)
    for (const workload of bench.sizes.workloads)
      for (const { load, threads, rows, pauseMs } of loads) {
        const order = [...bench.orders[workload]]
        const measured = await runBare(bench, {
          modelPath: join(bench.artifact.directory, `model.${precision}.onnx`),
          ids: bench.texts.map(({ ids }) => ids),
          order,
          labels: bench.artifact.labels.length,
          rows,
          threads,
          pauseMs,
          seconds: bench.sizes.seconds,
          warmUpSeconds: bench.sizes.warmUpSeconds,
        })
        rounds.add({ part: 'closed', server: BARE, precision, workload, load }, measured)
        say(`  round ${round + 1} bare ${precision}, ${workload}, ${load}: ${measured.rps.toFixed(1)}/s`)
      }
}

async function runBare(bench: Bench, step: BareStep): Promise<Round> {
  bench.signal.throwIfAborted()
  const child = fork(fileURLToPath(new URL('bare/process.ts', import.meta.url)), { serialization: 'advanced' })
  const end = (): boolean => child.kill('SIGKILL')
  bench.signal.addEventListener('abort', end)
  process.once('exit', end)
  try {
    const answer = once(child, 'message') as Promise<[BareResult]>
    const gone = once(child, 'exit').then((): never => {
      throw new Error('the bare run ended without a result: see its message above')
    })
    gone.catch(() => undefined)
    child.send(step)
    const [result] = await Promise.race([answer, gone])
    return summaryOf(bench, result)
  } finally {
    bench.signal.removeEventListener('abort', end)
    process.removeListener('exit', end)
    end()
  }
}

function summaryOf({ texts, artifact, setting }: Bench, result: BareResult): Round {
  const compared = result.logits.flatMap(([text, logits]) => {
    const expected = texts[text]
    return expected ? [{ answer: bestLabel(logits, artifact.labels), expected }] : []
  })
  const same = compared.filter(({ answer, expected }) => answer.label === expected.label).length
  return {
    requests: result.answered,
    failures: 0,
    rps: result.answered / (result.elapsedMs / 1000),
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    tokens: result.tokens,
    // The model gives a text the same answer each time, so each one was compared once.
    sameLabel: Math.round((same / Math.max(1, compared.length)) * result.answered),
    maxScoreDifference: Math.max(0, ...compared.map(({ answer, expected }) => scoreDifference(answer, expected))),
    cpuMs: result.cpuMs,
    rssMiB: result.peakRssMiB,
    lagP99Ms: 0,
    generatorCpuShare: 0,
    othersCpuShare: Math.max(0, result.machineCpuMs - result.cpuMs) / (result.elapsedMs * setting.cores),
  }
}
