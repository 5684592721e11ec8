/** Callers that wait for their answer before they ask again, and the bare run: capacity, and latency as callers make it themselves. */
import { say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import { measureCeiling } from './ceiling.ts'
import { measureStep, warmUp, warmUpNew } from './measure-step.ts'
import { RoundsByLoad } from './median-of-rounds.ts'
import type { Results } from './results.ts'
import { keyOf } from './servers.ts'

export async function measureClosedLoop(bench: Bench): Promise<Results> {
  const rounds = new RoundsByLoad()
  for (let round = 0; round < bench.sizes.rounds; round++) {
    await measureCeiling(bench, round, rounds)
    for (const server of bench.servers) {
      const { name, precision } = server
      await withServer(bench, server, async (running) => {
        await warmUpNew(bench, server, running)
        for (const workload of bench.sizes.workloads) {
          await warmUp(bench, server, running, workload)
          for (const callers of bench.sizes.callers) {
            const measured = await measureStep(bench, server, running, {
              order: workload,
              load: { kind: 'closed', callers },
              seconds: bench.sizes.seconds,
            })
            const load = `closed ${callers}`
            rounds.add({ part: 'closed', server: name, precision, workload, load }, measured)
            const { rps, p50Ms, p99Ms, failures, result } = measured
            const failed = failures > 0 ? `, ${failures} FAILED (${result.problems.join('; ')})` : ''
            say(
              `  round ${round + 1} ${keyOf(server)}, ${workload}, ${load}: ${rps.toFixed(1)}/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms${failed}`,
            )
          }
        }
      })
    }
  }
  return { runs: rounds.runs() }
}
