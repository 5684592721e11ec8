/** The most memory that a pod takes: every text as long as the model allows, from many callers, with one worker and with two. */
import { HEADERS } from '../../../contract/names.ts'
import { rounded, say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import { measureStep } from './measure-step.ts'
import { pssMiBOf } from './process-tree.ts'
import type { Memory, Results } from './results.ts'
import { valence } from './servers.ts'

const CALLERS = 64
const PATIENCE_MS = 120_000
const WORKERS = [1, 2] as const

export async function measureMemory(bench: Bench): Promise<Results> {
  const memory: Memory[] = []
  for (const precision of ['int8', 'fp32'] as const)
    for (const workers of WORKERS) {
      const server = valence(precision, { WORKERS: String(workers) })
      await withServer(bench, server, async (running) => {
        // Longer than one step: an allocator's arena grows with what has been at once.
        const { rssMiB, failures } = await measureStep(bench, server, running, {
          order: 'longest',
          load: { kind: 'closed', callers: CALLERS },
          seconds: 2 * bench.sizes.seconds,
          // It is about memory: on a slow machine the last of 64 callers waits longer than a server does by default.
          headers: { [HEADERS.deadline]: String(PATIENCE_MS) },
          timeoutMs: PATIENCE_MS,
        })
        const pssMiB = rounded(pssMiBOf(running.pids()))
        memory.push({ precision, workers, callers: CALLERS, peakRssMiB: rounded(rssMiB), pssMiB, failures })
        say(`  ${precision}, ${workers} workers: peak ${rssMiB.toFixed(0)} MiB`)
      })
    }
  return { memory }
}
