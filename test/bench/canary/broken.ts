/** Candidates that are broken in every way there is: none may ever be promoted, and each has to end with a condition that a person understands. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DISAGREES, HALF_OF_PODS, MORE_FAULTS, SOME_FAULTS, type Fault } from '../../../dev/faults/kinds.ts'
import type { Live } from '../../../operator/kube/object.ts'
import type { Pod } from '../../../operator/kube/resource.ts'
import { QUICK_ROLLOUT } from '../../e2e/support/canary-model.ts'
import { startTraffic, type Traffic } from '../../e2e/support/traffic.ts'
import type { Bench } from './bench.ts'
import {
  askFor,
  deletePod,
  IMPORT_SECONDS,
  pause,
  resume,
  stableOf,
  waitForEnd,
  waitForReadyPods,
  waitUntilGone,
  withModel,
  type BenchModel,
} from './bench-model.ts'
import { say, timed } from './progress.ts'
import type { BrokenCandidate, Results } from './results.ts'

const NAME = 'bench-broken'
const REPLICAS = 2
/** A finding too: the other candidates still have their turn. */
export const NO_CONDITION = 'none in time'
/** What is held stays as it is; so long it is watched. */
const HELD_MS = 20_000
/** The one that is held comes last: nothing but the next version ends it. */
const FAULTS: readonly Fault[] = [...SOME_FAULTS, ...MORE_FAULTS, HALF_OF_PODS, DISAGREES]

export async function measureBroken(bench: Bench): Promise<Results> {
  return withModel(bench, { name: NAME, replicas: REPLICAS, rollout: QUICK_ROLLOUT }, async (model) => {
    const traffic = await startTraffic(bench.cluster, NAME, { callers: 4, pauseMs: 20 })
    try {
      const brokenCandidates: BrokenCandidate[] = []
      for (const fault of FAULTS) {
        const before = await traffic.count()
        const { value, seconds } = await timed(`a candidate that ${fault.kind}`, () => runFault(model, fault))
        const { requests, failures } = since(before, await traffic.count())
        say(`  ${value.condition}`)
        if (failures > 0) say(`  ${failures} REQUESTS OF CALLERS HAVE FAILED`)
        brokenCandidates.push({ kind: fault.kind, ...value, seconds, requests, failures })
      }
      return { brokenCandidates }
    } finally {
      await traffic.stop()
    }
  })
}

type Count = Awaited<ReturnType<Traffic['count']>>
const since = (before: Count, after: Count) => ({
  requests: after.sent - before.sent,
  failures: after.failed - before.failed,
})

async function runFault(model: BenchModel, fault: Fault): Promise<{ promoted: boolean; condition: string }> {
  const stable = await stableOf(model)
  const version = await askFor(model, fault.maxLength)
  if (fault === HALF_OF_PODS) await mixAddresses(model, version)
  const condition = await waitForEnd(model).then(
    (end) => end.condition,
    (error: unknown) => {
      say(`  ${String(error)}`)
      return NO_CONDITION
    },
  )
  if (fault === DISAGREES) await sleep(HELD_MS)
  const promoted = (await stableOf(model)) !== stable
  // The next one has the machine for itself.
  if (!promoted && condition !== NO_CONDITION && fault !== DISAGREES) await waitUntilGone(model, version)
  return { promoted, condition }
}

/** The rollout stands still until one pod of the candidate has an odd address and one an even one: an address decides whether it is broken. */
async function mixAddresses(model: BenchModel, version: string): Promise<void> {
  await pause(model, version)
  // Import and evaluation come first.
  const both = () => waitForReadyPods(model, version, REPLICAS, IMPORT_SECONDS)
  for (let pods = await both(); areAlike(pods); pods = await both()) {
    const [first] = pods
    if (first) await deletePod(model, first, 0)
    await sleep(2_000)
  }
  await resume(model)
}

function areAlike(pods: readonly Live<Pod>[]): boolean {
  const isOdd = ({ status }: Live<Pod>) => Number(status?.podIP?.split('.').at(-1)) % 2 === 1
  return new Set(pods.map(isOdd)).size < 2
}
