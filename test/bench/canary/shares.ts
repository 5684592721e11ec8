/** The share of the candidate as it is wanted and as it is, with one stable pod and with two: by the pods' own counters, and as callers saw it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { startTraffic, type Traffic } from '../../e2e/support/traffic.ts'
import type { Bench } from './bench.ts'
import {
  askFor,
  evidenceOf,
  order,
  rolloutOf,
  stableOf,
  waitForReadyPods,
  waitForStep,
  waitUntilGone,
  withModel,
  type BenchModel,
} from './bench-model.ts'
import { bandOf } from './band.ts'
import { rounded, say, timed } from '../progress.ts'
import type { Results, Share } from './results.ts'

const NAME = 'bench-shares'
const WEIGHTS = [0.1, 1, 5, 25, 50] as const
const STABLE_PODS = [1, 2] as const
const MAX_LENGTH = 64
/** One step, whose weight is changed in the spec: it lasts until it has been looked at, and nothing is ever promoted. */
const rolloutAt = (weight: number) => ({ steps: [{ weight, minRequests: 1e9 }], readyDeadline: '5m' })

export async function measureShares(bench: Bench, { requests }: { requests: number }): Promise<Results> {
  return withModel(bench, { name: NAME, replicas: 1, rollout: rolloutAt(WEIGHTS[0]) }, async (model) => {
    const traffic = await startTraffic(bench.cluster, NAME, { callers: 8, pauseMs: 0, cpu: '1', isIdle: true })
    try {
      const shares: Share[] = []
      for (const stablePods of STABLE_PODS) {
        const version = await askFor(model, MAX_LENGTH, { replicas: stablePods })
        if (stablePods !== STABLE_PODS[0]) await startAnew(model, version)
        for (const weight of WEIGHTS) {
          const { value } = await timed(`${weight} % with ${stablePods} stable pods`, async () => {
            await askFor(model, MAX_LENGTH, { replicas: stablePods, rollout: rolloutAt(weight) })
            await waitForStep(model, version, weight)
            return measureShare(model, traffic, { version, weight, stablePods, requests })
          })
          say(
            `  ${value.observed} % observed, within ${value.low} to ${value.high} %: ${value.isWithin ? 'yes' : 'NO'}`,
          )
          if (!value.addsUp) say(`  DOES NOT ADD UP: ${JSON.stringify(value)}`)
          shares.push(value)
        }
      }
      return { shares }
    } finally {
      await traffic.stop()
    }
  })
}

/** Another number of pods is another rollout, from the start. */
async function startAnew(model: BenchModel, version: string): Promise<void> {
  await order(model, 'abort', version)
  await eventually('the rollout is withdrawn', 180, async () => {
    const record = await rolloutOf(model, version)
    assert(record.withdrawnAt !== undefined, () => JSON.stringify(record))
  })
  await waitUntilGone(model, version)
  await order(model, 'retry', version)
}

async function measureShare(
  model: BenchModel,
  traffic: Traffic,
  wanted: { version: string; weight: number; stablePods: number; requests: number },
): Promise<Share> {
  const { version, weight, stablePods, requests } = wanted
  const stable = await stableOf(model)
  const pods = await waitForReadyPods(model, stable, stablePods)
  const counted = async () => {
    const all = await Promise.all(pods.map((pod) => evidenceOf(model, pod)))
    const of = (arm: string) => all.reduce((sum, one) => sum + (one.arms[arm]?.requests ?? 0), 0)
    return { candidate: of(version), stable: of(stable), boots: all.map(({ boot }) => boot).join() }
  }
  const before = { pods: await counted(), callers: await traffic.count() }
  await traffic.ask(requests)
  const callers = await eventually(`${requests} requests are answered`, 1800, async () => {
    const now = await traffic.count()
    const ended = now.answered + now.failed - before.callers.answered - before.callers.failed
    assert(ended === requests, () => `${ended} of ${requests}`)
    return now
  })
  const after = await settled(async () => {
    const now = await counted()
    assert(now.boots === before.pods.boots, () => 'a pod has started anew, and its counters with it')
    return { ...now, isComplete: totalOf(now) - totalOf(before.pods) >= requests }
  })
  const total = totalOf(after) - totalOf(before.pods)
  const candidate = after.candidate - before.pods.candidate
  const band = bandOf(total, Math.round(weight * 10))
  const percent = (count: number) => rounded((100 * count) / total, 3)
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0)
  const answered = (callers.versions[version] ?? 0) - (before.callers.versions[version] ?? 0)
  const fallbacks = sum(callers.fallbacks) - sum(before.callers.fallbacks)
  return {
    wanted: weight,
    observed: percent(candidate),
    low: percent(band.low),
    high: percent(band.high),
    requests: total,
    sent: requests,
    isWithin: candidate >= band.low && candidate <= band.high,
    addsUp: total === requests && answered + fallbacks === candidate,
    stablePods,
    counted: candidate,
    answered,
    fallbacks,
  }
}

const totalOf = ({ candidate, stable }: { candidate: number; stable: number }) => candidate + stable

/** A request is counted when it has ended, a moment after its answer. */
async function settled<T extends { isComplete: boolean }>(look: () => Promise<T>): Promise<T> {
  let seen = await look()
  for (let tries = 0; !seen.isComplete && tries < 20; tries++) {
    await sleep(500)
    seen = await look()
  }
  return seen
}
