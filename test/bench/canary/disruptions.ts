/** Constant load over all that happens to a rollout: no request may fail that stable alone would not have failed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WEARS_OUT } from '../../../dev/faults/kinds.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { startTraffic, type Traffic } from '../../e2e/support/traffic.ts'
import type { Bench } from './bench.ts'
import {
  askFor,
  deletePod,
  IMPORT_SECONDS,
  order,
  pause,
  resume,
  rolloutOf,
  servingPods,
  stableOf,
  waitForEnd,
  waitForReadyPods,
  waitForStep,
  withModel,
  type BenchModel,
} from './bench-model.ts'
import { operatorDeployment, restartOperator, scaleOperator } from './operator-deployment.ts'
import { timed } from '../progress.ts'
import type { Results } from './results.ts'
import { startCount, type TrafficLog } from './traffic-log.ts'

const NAME = 'bench-disruptions'
const REPLICAS = 2
const STEP = { weight: 10, minRequests: 200 }
const ROLLOUT = {
  shadow: { sample: 50, minRequests: 40 },
  steps: [STEP, { weight: 50, minRequests: 300 }],
  analysis: { minRequests: 300, tolerableFailureRate: 0.05 },
  readyDeadline: '5m',
}
/** Good lengths, two for each round: below those that stand for faults, and none twice, or the version would be known. */
const LENGTHS = { from: 50, below: 100 }
/** Operations take effect a moment after they are asked for. */
const AFTERMATH_MS = 15_000
/** The least time without an operator; what its step asks for passes in any case. */
const WITHOUT_OPERATOR_MS = 30_000

export async function measureDisruptions(bench: Bench, { requests }: { requests: number }): Promise<Results> {
  return withModel(bench, { name: NAME, replicas: REPLICAS, rollout: ROLLOUT }, async (model) => {
    await waitForReadyPods(model, model.first, REPLICAS)
    const traffic = await startTraffic(bench.cluster, NAME, { callers: 4, pauseMs: 20, cpu: '1', keptFailures: 1000 })
    try {
      const log = await startCount(traffic)
      let length = LENGTHS.from
      do {
        assert(
          length + 1 < LENGTHS.below,
          () => `after ${(length - LENGTHS.from) / 2} rounds too few requests were sent`,
        )
        await round(model, traffic, log, length)
        length += 2
      } while ((await log.sent()) < requests)
      const { latencyMs } = await traffic.count()
      return { ...(await log.total()), disruptions: [...log.entries], latencyMs }
    } finally {
      await traffic.stop()
    }
  })
}

async function round(model: BenchModel, traffic: Traffic, log: TrafficLog, length: number): Promise<void> {
  await log.during('a stable pod is killed, without a candidate: the control', { kill: 'alone' }, async () => {
    await replacePod(model, await stableOf(model), 0)
  })
  await log.during('a promotion through all steps', async () => {
    await askFor(model, length)
    return ended(model)
  })
  await log.during('a rollback under live requests', async () => {
    const version = await askFor(model, WEARS_OUT.maxLength)
    // Known from the round before: it comes back only when it is asked for.
    if (length > LENGTHS.from) await order(model, 'retry', version)
    return eventually('the rollback', IMPORT_SECONDS, async () => {
      const rollout = await rolloutOf(model, version)
      assert(rollout.phase === 'RolledBack' && rollout.withdrawnAt !== undefined, () => JSON.stringify(rollout))
      return `RolledBack: ${rollout.reason}`
    })
  })

  const version = await askFor(model, length + 1)
  const stable = await stableOf(model)
  await log.during('a new version up to its first step', () => standStill(model, version))
  await log.during("all of the candidate's pods are killed", async () => {
    for (const pod of await servingPods(model, version)) await deletePod(model, pod, 0)
    return recovery(model, version)
  })
  await standStillAgain(model, version)
  await log.during('a stable pod is deleted', async () => {
    await replacePod(model, stable)
  })
  await log.during('a stable pod is killed', { kill: 'beside' }, async () => {
    await replacePod(model, stable, 0)
  })
  await standStillAgain(model, version)
  await log.during('no operator for the whole of a step', async () => {
    const { spec } = await operatorDeployment(model.cluster)
    const { sent } = await traffic.count()
    const needed = (100 * STEP.minRequests) / STEP.weight
    try {
      await scaleOperator(model.cluster, 0)
      await resume(model)
      await sleep(WITHOUT_OPERATOR_MS)
      await eventually(`${needed} requests without an operator`, 600, async () => {
        const now = await traffic.count()
        assert(now.sent - sent >= needed, () => `${now.sent - sent}`)
      })
    } finally {
      await scaleOperator(model.cluster, spec?.replicas ?? 1)
    }
  })
  await log.during(
    'operator restarted by a rolling update (as an upgrade does), up to the end of the rollout',
    async () => {
      await restartOperator(model.cluster)
      return ended(model)
    },
  )
}

async function ended(model: BenchModel): Promise<string> {
  const { condition } = await waitForEnd(model)
  // The old pods drain, and go.
  await sleep(AFTERMATH_MS)
  return condition
}

/** In a step, paused there. */
async function standStill(model: BenchModel, version: string): Promise<undefined> {
  await waitForStep(model, version)
  await pause(model, version)
}

/** A candidate whose pods were killed may have been rolled back for it, as it should be where too much of the traffic noticed: once more, then. */
async function standStillAgain(model: BenchModel, version: string): Promise<void> {
  const { phase } = await rolloutOf(model, version)
  if (phase === 'Stepping') return
  await timed(`another rollout of ${version}`, async () => {
    await resume(model)
    await order(model, 'retry', version)
    await standStill(model, version)
  })
}

async function recovery(model: BenchModel, version: string): Promise<string> {
  await sleep(AFTERMATH_MS)
  return eventually('the candidate has recovered or was given up', 180, async () => {
    const rollout = await rolloutOf(model, version)
    if (rollout.withdrawnAt !== undefined) return `${rollout.phase}: ${rollout.reason}`
    assert(rollout.phase === 'Stepping' && rollout.notReadySince === undefined, () => JSON.stringify(rollout))
    return 'it goes on'
  })
}

async function replacePod(model: BenchModel, version: string, gracePeriodSeconds?: number): Promise<void> {
  const [pod] = await waitForReadyPods(model, version, REPLICAS)
  if (pod) await deletePod(model, pod, gracePeriodSeconds)
  await sleep(AFTERMATH_MS)
  await waitForReadyPods(model, version, REPLICAS)
}
