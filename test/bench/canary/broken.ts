/** Candidates that are broken in every way there is: none may ever be promoted, and each has to end with a condition that a person understands. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DISAGREES,
  HALF_OF_PODS,
  HANGS,
  isBrokenPod,
  MORE_FAULTS,
  SOME_FAULTS,
  type Fault,
} from '../../../dev/faults/kinds.ts'
import type { PodOptions } from '../../../dev/traffic/traffic-pod.ts'
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
  type End,
} from './bench-model.ts'
import { say, timed } from '../progress.ts'
import type { BrokenCandidate, Results } from './results.ts'

const NAME = 'bench-broken'
const REPLICAS = 2
/** A finding too: the other candidates still have their turn. */
const NO_CONDITION = 'none in time'
/** What is held stays as it is; so long it is watched. */
const HELD_MS = 20_000
/** The one that is held comes last: nothing but the next version ends it. */
const FAULTS: readonly Fault[] = [...SOME_FAULTS, ...MORE_FAULTS, HALF_OF_PODS, DISAGREES]
/** Less than the objective: pods count nothing of a request to the candidate whose caller left before. */
const IMPATIENT = { share: 0.5, afterMs: 300 }
/** Each time a pod of a pair is replaced, the chance is one half that they are unlike then. */
const REPLACEMENTS = 12

export async function measureBroken(bench: Bench): Promise<Results> {
  return withModel(bench, { name: NAME, replicas: REPLICAS, rollout: QUICK_ROLLOUT }, async (model) => {
    const impatient = await runFaults(bench, model, [HANGS], { impatient: IMPATIENT })
    const others = FAULTS.filter((fault) => fault !== HANGS)
    return { brokenCandidates: [...impatient, ...(await runFaults(bench, model, others))] }
  })
}

async function runFaults(
  { cluster }: Bench,
  model: BenchModel,
  faults: readonly Fault[],
  options: PodOptions = {},
): Promise<BrokenCandidate[]> {
  const { impatient } = options
  const whose = impatient
    ? `, while ${100 * impatient.share} % of the callers give up after ${impatient.afterMs} ms`
    : ''
  const traffic = await startTraffic(cluster, NAME, { callers: 4, pauseMs: 20, ...options })
  try {
    const rows: BrokenCandidate[] = []
    for (const fault of faults) {
      const kind = `${fault.kind}${whose}`
      const before = await traffic.count()
      const { value, seconds } = await timed(`a candidate that ${kind}`, () => runFault(model, fault))
      const counts = since(before, await traffic.count())
      say(`  ${value.condition}`)
      if (!value.isAsExpected) say(`  NOT AS EXPECTED: ${String(fault.reason ?? 'held by the shadow')}`)
      if (counts.failures > 0) say(`  ${counts.failures} REQUESTS OF CALLERS HAVE FAILED`)
      rows.push({ kind, ...value, seconds, ...counts })
    }
    return rows
  } finally {
    await traffic.stop()
  }
}

type Count = Awaited<ReturnType<Traffic['count']>>
const since = (before: Count, after: Count) => ({
  requests: after.sent - before.sent,
  failures: after.failed - before.failed,
  left: after.left - before.left,
})

type Found = Pick<BrokenCandidate, 'promoted' | 'condition' | 'isAsExpected'>

async function runFault(model: BenchModel, fault: Fault): Promise<Found> {
  const stable = await stableOf(model)
  const version = await askFor(model, fault.maxLength)
  const end = await endOf(model, fault, version).catch((error: unknown) => {
    say(`  ${String(error)}`)
    return undefined
  })
  if (fault === DISAGREES) await sleep(HELD_MS)
  const promoted = (await stableOf(model)) !== stable
  // The next one has the machine for itself.
  if (!promoted && end && fault !== DISAGREES) await waitUntilGone(model, version)
  return {
    promoted,
    condition: end?.condition ?? NO_CONDITION,
    isAsExpected: end !== undefined && isExpected(fault, end),
  }
}

async function endOf(model: BenchModel, fault: Fault, version: string): Promise<End> {
  if (fault === HALF_OF_PODS) await mixPods(model, version)
  return waitForEnd(model)
}

/** Not only that it ended, but that the very thing was found that is wrong with it. */
const isExpected = ({ reason }: Fault, end: End) =>
  reason ? end.outcome === 'RolledBack' && reason.test(end.reason) : end.outcome === 'Held'

/** The rollout stands still until one pod of the candidate is broken and one is not: the name that a pod gets decides it. */
async function mixPods(model: BenchModel, version: string): Promise<void> {
  await pause(model, version)
  for (let replaced = 0; ; replaced++) {
    // Import and evaluation come first.
    const pods = await waitForReadyPods(model, version, REPLICAS, IMPORT_SECONDS)
    if (new Set(pods.map(({ metadata }) => isBrokenPod(metadata.name))).size === REPLICAS) break
    if (replaced === REPLACEMENTS)
      throw new Error(`after ${replaced} replacements the pods of ${version} are alike still`)
    const [first] = pods
    if (first) await deletePod(model, first, 0)
    await sleep(2_000)
  }
  await resume(model)
}
