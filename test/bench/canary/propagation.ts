/** How long it takes from a decision until every stable pod acts by it: weight 0 of a rollout that is given up, and a raised weight. */
import { startTraffic } from '../../e2e/support/traffic.ts'
import type { Bench } from './bench.ts'
import { askFor, order, rolloutOf, stableOf, waitForStep, waitUntilGone, withModel } from './bench-model.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { rounded, say } from './progress.ts'
import type { Delays, Results } from './results.ts'
import { timeToConfirm } from './routing.ts'

const NAME = 'bench-epochs'
const WEIGHT = 50
const LIMIT_SECONDS = 300

export async function measurePropagation(bench: Bench, { trials }: { trials: number }): Promise<Results> {
  // Nothing promotes it.
  const rollout = { steps: [{ weight: WEIGHT, minRequests: 1e9 }], readyDeadline: '5m' }
  return withModel(bench, { name: NAME, replicas: 2, rollout }, async (model) => {
    const stable = await stableOf(model)
    const traffic = await startTraffic(bench.cluster, NAME, { callers: 4, pauseMs: 20 })
    try {
      const version = await askFor(model, 64)
      await waitForStep(model, version, WEIGHT)
      const [weightZero, weightRaised]: [number[], number[]] = [[], []]
      for (let trial = 1; trial <= trials; trial++) {
        const measure = async (perMille: number, verb: 'abort' | 'retry') => {
          const delay = timeToConfirm(model, stable, (routing) => routing.perMille === perMille, LIMIT_SECONDS)
          const [seconds] = await Promise.all([delay, order(model, verb, version)])
          return rounded(seconds, 3)
        }
        weightZero.push(await measure(0, 'abort'))
        await eventually('the rollout is withdrawn', 180, async () => {
          const record = await rolloutOf(model, version)
          assert(record.withdrawnAt !== undefined, () => JSON.stringify(record))
        })
        await waitUntilGone(model, version)
        weightRaised.push(await measure(WEIGHT * 10, 'retry'))
        await waitForStep(model, version, WEIGHT)
        say(
          `trial ${trial} of ${trials}: weight 0 after ${weightZero.at(-1) ?? 0} s, ${WEIGHT} % after ${weightRaised.at(-1) ?? 0} s`,
        )
      }
      const propagationSeconds = { weightZero: delaysOf(weightZero), weightRaised: delaysOf(weightRaised) }
      return { weightZeroSeconds: propagationSeconds.weightZero.median, propagationSeconds }
    } finally {
      await traffic.stop()
    }
  })
}

function delaysOf(trials: number[]): Delays {
  const sorted = trials.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0, trials }
}
