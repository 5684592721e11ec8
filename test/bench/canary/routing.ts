/** From a decision on record and the routing file in the API server to the pods that run it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Routing } from '../../../contract/routing.ts'
import { decisionName, nextNumber } from '../../../operator/builders/decision.ts'
import { routingName } from '../../../operator/builders/deployment.ts'
import { LABELS } from '../../../operator/builders/metadata.ts'
import { readRouting } from '../../../operator/builders/routing.ts'
import { configMaps } from '../../../operator/kube/resource.ts'
import { assert } from '../../e2e/support/eventually.ts'
import { evidenceOf, servingPods, type BenchModel } from './bench-model.ts'

const POLL_MS = 10

async function routingOf({ cluster, settings }: BenchModel): Promise<Routing> {
  const configMap = await cluster.client.get(configMaps, cluster.namespace, routingName(settings.name))
  const routing = readRouting(configMap)
  assert(routing !== undefined, () => `${routingName(settings.name)} holds no routing`)
  return routing
}

export interface Confirmed {
  /** Of performance.now(): when the routing file was written, and when every pod of the stable version ran it. */
  writtenMs: number
  confirmedMs: number
}

/** Both are dated so that the time between is rather too long than too short: see `firstSight`, and the last pod's answer. */
export async function confirmed(
  model: BenchModel,
  stable: string,
  isWanted: (routing: Routing) => boolean,
  limitSeconds: number,
): Promise<Confirmed> {
  const inTime = within(limitSeconds)
  const { seen: wanted, atMs: writtenMs } = await firstSight(inTime, async () => {
    const routing = await routingOf(model)
    return isWanted(routing) ? routing.epoch : undefined
  })
  const stablePods = await servingPods(model, stable)
  assert(stablePods.length > 0, () => `${stable} has no pods`)
  await Promise.all(
    stablePods.map((pod) =>
      firstSight(inTime, async () => {
        // One that can't be asked has not confirmed it.
        const { epoch } = await evidenceOf(model, pod).catch(() => ({ epoch: -1 }))
        return epoch >= wanted ? epoch : undefined
      }),
    ),
  )
  return { writtenMs, confirmedMs: performance.now() }
}

/**
 * Of performance.now(): when the next decision on this model went on record. Its own time and the creation of its ConfigMap are whole
 * seconds. Call it before what brings the decision about.
 */
export async function nextDecision(
  { cluster, settings }: BenchModel,
  limitSeconds: number,
): Promise<() => Promise<number>> {
  const { client, namespace } = cluster
  const { items } = await client.list(configMaps, { namespace, labelSelector: LABELS.decision })
  const name = decisionName(settings.name, nextNumber(settings.name, items))
  return async () => {
    const { atMs } = await firstSight(within(limitSeconds), () => client.get(configMaps, namespace, name))
    return atMs
  }
}

const within = (limitSeconds: number) => {
  const deadline = performance.now() + limitSeconds * 1000
  return () => assert(performance.now() < deadline, () => `not so after ${limitSeconds} s`)
}

/** What is there at last, dated to the start of the last look that did not see it yet. */
async function firstSight<T>(
  inTime: () => void,
  look: () => Promise<T | undefined>,
): Promise<{ seen: T; atMs: number }> {
  for (let atMs = performance.now(); ;) {
    inTime()
    const asked = performance.now()
    const seen = await look()
    if (seen !== undefined) return { seen, atMs }
    atMs = asked
    await sleep(POLL_MS)
  }
}
