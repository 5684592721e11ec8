/** Requests that come at a rate, whether or not the server keeps up: the same rates for every server, until it doesn't. */
import { rounded, say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import { measureStep, warmUp, warmUpNew } from './measure-step.ts'
import { RoundsByLoad } from './median-of-rounds.ts'
import { poissonArrivals } from './poisson-arrivals.ts'
import { ceilingOf } from './ratios.ts'
import type { Results } from './results.ts'
import { seededRandom } from './seeded-random.ts'
import { keyOf } from './servers.ts'
import { isSustained } from './sustained.ts'

/** With fewer requests a 99th percentile says little, so low rates are asked for longer, up to so many times. */
const WANTED_REQUESTS = 100
const LONGEST = 4
/** Beyond this a higher rate only makes a longer queue. */
const HOPELESS_P99_MS = 2000

export async function measureOpenLoop(bench: Bench): Promise<Results> {
  const rounds = new RoundsByLoad()
  const before = bench.results().runs ?? []
  for (let round = 0; round < bench.sizes.rounds; round++) {
    for (const server of bench.servers) {
      const { name, precision } = server
      await withServer(bench, server, async (running) => {
        await warmUpNew(bench, server, running)
        for (const workload of bench.sizes.workloads) {
          const ceiling = ceilingOf(before, workload, 'int8')
          if (ceiling === undefined)
            throw new Error(`the rates follow from the bare run of ${workload} texts: measure --only closed first`)
          await warmUp(bench, server, running, workload)
          for (const [index, share] of bench.sizes.rateShares.entries()) {
            const offeredRps = rounded(share * ceiling, 2)
            const seconds = Math.min(
              LONGEST * bench.sizes.seconds,
              Math.max(bench.sizes.seconds, WANTED_REQUESTS / offeredRps),
            )
            // Of the round and the rate, not of the server: all get the same arrivals.
            const random = seededRandom(1000 * round + index)
            const measured = await measureStep(bench, server, running, {
              order: workload,
              load: { kind: 'open', arrivals: poissonArrivals(offeredRps, seconds, random) },
              seconds,
            })
            const load = `open ${offeredRps}`
            rounds.add({ part: 'open', server: name, precision, workload, load, offeredRps }, measured)
            const { rps, p99Ms, failures, result } = measured
            const failed = failures > 0 ? `, ${failures} FAILED (${result.problems.join('; ')})` : ''
            say(
              `  round ${round + 1} ${keyOf(server)}, ${workload}, ${load}: ${rps.toFixed(1)}/s, p99 ${p99Ms.toFixed(1)} ms${failed}`,
            )
            if (!isSustained({ offeredRps, rps, failures }) && p99Ms > HOPELESS_P99_MS) break
          }
        }
      })
    }
  }
  return { runs: rounds.runs() }
}
