/** From the start of the process to the first answer that says that it is ready. */
import { rounded, say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import { median } from './percentile.ts'
import type { Results } from './results.ts'
import { keyOf } from './servers.ts'

export async function measureStarts(bench: Bench): Promise<Results> {
  const seconds = bench.servers.map((): number[] => [])
  for (let round = 0; round < bench.sizes.rounds; round++)
    for (const [index, server] of bench.servers.entries()) {
      const took = await withServer(bench, server, ({ readyMs }) => Promise.resolve(readyMs / 1000))
      seconds[index]?.push(rounded(took, 2))
      say(`  round ${round + 1} ${keyOf(server)}: ${took.toFixed(2)} s`)
    }
  return {
    starts: bench.servers.map(({ name, precision }, index) => {
      const own = seconds[index] ?? []
      return { server: name, precision, medianSeconds: rounded(median(own), 2), seconds: own }
    }),
  }
}
