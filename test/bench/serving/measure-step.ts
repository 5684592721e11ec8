/** One step: load on a running server, and what server, load generator and the rest of the machine spent on it. */
import { setInterval } from 'node:timers'
import { availableParallelism } from 'node:os'
import type { Bench } from './bench.ts'
import type { Load, Step, StepResult } from './load/protocol.ts'
import type { Round } from './median-of-rounds.ts'
import { cpuMsOf, forgetPeaks, machineCpuMs, peakRssMiBOf, rssMiBOf } from './process-tree.ts'
import type { RunningServer } from './running-server.ts'
import type { Server } from './servers.ts'
import { summaryOf } from './step-summary.ts'
import type { Order } from './workloads.ts'

export interface Asked {
  order: Order
  load: Load
  seconds: number
  headers?: Record<string, string>
  once?: boolean
  /** What has no answer so long after the last request was sent has failed. */
  timeoutMs?: number
}

export interface MeasuredStep extends Round {
  result: StepResult
}

const TIMEOUT_MS = 30_000
const SAMPLE_EVERY_MS = 200
const WARM_UP_CALLERS = 16

export async function measureStep(
  { generator, orders, texts, signal }: Bench,
  server: Server,
  running: RunningServer,
  asked: Asked,
): Promise<MeasuredStep> {
  signal.throwIfAborted()
  const { order, load, seconds, headers = {}, once = false, timeoutMs = TIMEOUT_MS } = asked
  const step: Step = {
    url: running.url,
    dialect: server.dialect,
    load,
    seconds,
    order: orders[order],
    once,
    headers,
    timeoutMs,
  }
  await running.quiet()
  // After that: the first of several workers answers while the others still start.
  const pids = running.pids()
  forgetPeaks(pids)
  let sampledMiB = rssMiBOf(pids)
  const sampling = setInterval(() => {
    sampledMiB = Math.max(sampledMiB, rssMiBOf(pids))
  }, SAMPLE_EVERY_MS)
  const before = { server: cpuMsOf(pids), machine: machineCpuMs(), own: ownCpuMs() }
  try {
    const result = await generator.run(step)
    const spent = {
      server: cpuMsOf(pids) - before.server,
      machine: machineCpuMs() - before.machine,
      own: ownCpuMs() - before.own,
    }
    const available = result.elapsedMs * availableParallelism()
    const summary = summaryOf(result, { seconds, failedMs: timeoutMs, tokensOf: (text) => texts[text]?.tokens ?? 0 })
    return {
      ...summary,
      cpuMs: spent.server,
      // Peaks of several processes need not have been at once: then what was seen at once counts.
      rssMiB: pids.length === 1 ? Math.max(sampledMiB, peakRssMiBOf(pids)) : sampledMiB,
      generatorCpuShare: result.cpuMs / available,
      othersCpuShare: Math.max(0, spent.machine - spent.server - spent.own - result.cpuMs) / available,
      result,
    }
  } finally {
    clearInterval(sampling)
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Short texts, since most of them are answered in a given time. */
export async function warmUpNew(bench: Bench, server: Server, running: RunningServer): Promise<void> {
  const load: Load = { kind: 'closed', callers: WARM_UP_CALLERS }
  await measureStep(bench, server, running, { order: 'short', load, seconds: bench.sizes.newServerSeconds })
}

/** Until allocators have what these texts need. */
export async function warmUp(bench: Bench, server: Server, running: RunningServer, order: Order): Promise<void> {
  const load: Load = { kind: 'closed', callers: Math.max(2, availableParallelism()) }
  await measureStep(bench, server, running, { order, load, seconds: bench.sizes.warmUpSeconds })
}
