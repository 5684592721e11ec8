/** What is measured without a cluster, by commands of their own. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { simulated, type Results } from './results.ts'

const run = promisify(execFile)

const measuredForwarding = z.object({
  forwarding: z.array(
    z.object({
      callers: z.number(),
      pauseMs: z.number(),
      addedMedianMs: z.number(),
      addedInRounds: z.object({ p10: z.number(), p90: z.number() }),
    }),
  ),
})

export async function measureForwarding(): Promise<Results> {
  const { stdout } = await run(process.execPath, ['test/bench/forwarding.ts', '--json'], { maxBuffer: 2 ** 24 })
  const forwarding = measuredForwarding
    .parse(JSON.parse(stdout))
    .forwarding.map(({ addedInRounds, ...load }) => ({ ...load, ...addedInRounds }))
  // Callers without a pause that keep all cores busy wait for each other: what is added then is work, not delay.
  const loads = forwarding.filter(({ callers, pauseMs }) => callers === 1 || pauseMs > 0)
  const [highest] = loads.toSorted((a, b) => b.addedMedianMs - a.addedMedianMs)
  if (highest === undefined) throw new Error('no load that leaves a core free was measured')
  const { callers, pauseMs, addedMedianMs } = highest
  return { forwardingMedianMs: addedMedianMs, forwardingMedianOf: { callers, pauseMs }, forwarding }
}

export async function measureSimulation(): Promise<Results> {
  const folder = mkdtempSync(join(tmpdir(), 'valence-simulation-'))
  try {
    const file = join(folder, 'cases.json')
    await run(process.execPath, ['test/simulation/promotion.ts', '--json', file])
    return { simulation: z.array(simulated).parse(JSON.parse(readFileSync(file, 'utf8'))) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
