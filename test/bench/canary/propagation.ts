/** How long it takes from a decision until every stable pod acts by it: weight 0 of a rollout that is given up, and a raised weight. */
import { startTraffic } from '../../e2e/support/traffic.ts'
import type { Bench } from './bench.ts'
import { askFor, order, rolloutOf, stableOf, waitForStep, waitUntilGone, withModel } from './bench-model.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { rounded, say } from '../progress.ts'
import type { Delays, Results } from './results.ts'
import { confirmed, nextDecision } from './routing.ts'

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
      const weightZero: number[] = []
      const weightZeroFromFile: number[] = []
      const weightRaisedFromFile: number[] = []
      for (let trial = 1; trial <= trials; trial++) {
        const atWeight = (perMille: number) =>
          confirmed(model, stable, (routing) => routing.perMille === perMille, LIMIT_SECONDS)
        const decision = await nextDecision(model, LIMIT_SECONDS)
        const [zero, decidedMs] = await Promise.all([atWeight(0), decision(), order(model, 'abort', version)])
        weightZero.push(secondsBetween(decidedMs, zero.confirmedMs))
        weightZeroFromFile.push(secondsBetween(zero.writtenMs, zero.confirmedMs))
        await eventually('the rollout is withdrawn', 180, async () => {
          const record = await rolloutOf(model, version)
          assert(record.withdrawnAt !== undefined, () => JSON.stringify(record))
        })
        await waitUntilGone(model, version)
        const [raised] = await Promise.all([atWeight(WEIGHT * 10), order(model, 'retry', version)])
        weightRaisedFromFile.push(secondsBetween(raised.writtenMs, raised.confirmedMs))
        await waitForStep(model, version, WEIGHT)
        say(
          `trial ${trial} of ${trials}: weight 0 after ${weightZero.at(-1) ?? 0} s, ${WEIGHT} % after ${weightRaisedFromFile.at(-1) ?? 0} s`,
        )
      }
      const propagationSeconds = {
        weightZero: delaysOf(weightZero),
        weightZeroFromFile: delaysOf(weightZeroFromFile),
        weightRaisedFromFile: delaysOf(weightRaisedFromFile),
      }
      return { weightZeroSeconds: propagationSeconds.weightZero.median, propagationSeconds }
    } finally {
      await traffic.stop()
    }
  })
}

const secondsBetween = (fromMs: number, toMs: number) => rounded((toMs - fromMs) / 1000, 3)

function delaysOf(trials: number[]): Delays {
  const sorted = trials.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0, trials }
}
