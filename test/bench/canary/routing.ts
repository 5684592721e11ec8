/** From the routing file in the API server to the pods that run it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Routing } from '../../../contract/routing.ts'
import { routingName } from '../../../operator/builders/deployment.ts'
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

/**
 * Seconds from the moment when the wanted routing file was written until every pod of the stable version ran it. The file is dated to
 * the start of the last look that did not see it yet, and the end to the last pod's answer: so it is rather too long than too short.
 */
export async function timeToConfirm(
  model: BenchModel,
  stable: string,
  isWanted: (routing: Routing) => boolean,
  limitSeconds: number,
): Promise<number> {
  const deadline = performance.now() + limitSeconds * 1000
  const inTime = () =>
    assert(performance.now() < deadline, () => `the routing file is not in force after ${limitSeconds} s`)
  let written = performance.now()
  let epoch: number | undefined
  while (epoch === undefined) {
    inTime()
    const asked = performance.now()
    const routing = await routingOf(model)
    if (isWanted(routing)) epoch = routing.epoch
    else {
      written = asked
      await sleep(POLL_MS)
    }
  }
  const wanted = epoch
  const stablePods = await servingPods(model, stable)
  assert(stablePods.length > 0, () => `${stable} has no pods`)
  await Promise.all(
    stablePods.map(async (pod) => {
      // One that can't be asked has not confirmed it.
      const epochOf = () =>
        evidenceOf(model, pod).then(
          ({ epoch: running }) => running,
          () => -1,
        )
      while ((await epochOf()) < wanted) {
        inTime()
        await sleep(POLL_MS)
      }
    }),
  )
  return (performance.now() - written) / 1000
}
