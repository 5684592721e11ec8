/** Twice as much as the server can do, from callers that say how long they wait: what it accepts it must keep. */
import { HEADERS } from '../../../contract/names.ts'
import { rounded, say } from '../progress.ts'
import { withServer, type Bench } from './bench.ts'
import type { Requests } from './load/protocol.ts'
import { measureStep, warmUp, warmUpNew, type Asked } from './measure-step.ts'
import { percentile } from './percentile.ts'
import { poissonArrivals } from './poisson-arrivals.ts'
import { recoverySeconds } from './recovery.ts'
import type { Overload, Results } from './results.ts'
import type { RunningServer } from './running-server.ts'
import { seededRandom } from './seeded-random.ts'
import { valence } from './servers.ts'
import type { Workload } from './workloads.ts'

const FACTOR = 2
/** Some texts of the workload's kind, one after the other, and no more: longer nobody would wait for an answer. */
const DEADLINE_MS: Record<Workload, number> = { short: 500, mixed: 1000, long: 2000, adversarial: 1500 }
/** A load that leaves it time, before and after. */
const CALM_SHARE = 0.4
const CALM_SECONDS = 6
/** Of the calm load's p99 before: what takes longer after is still the overload's. */
const RECOVERED = { factor: 2, atLeastMs: 100 }
const CAPACITY_CALLERS = 32

export async function measureOverload(bench: Bench): Promise<Results> {
  const server = valence('int8')
  const overload: Overload[] = []
  for (const workload of bench.sizes.workloads) {
    await withServer(bench, server, async (running) => {
      await warmUpNew(bench, server, running)
      await warmUp(bench, server, running, workload)
      const step = (load: Asked['load'], seconds: number, headers: Record<string, string> = {}) =>
        measureStep(bench, server, running, { order: workload, load, seconds, headers })
      const { rps: capacityRps } = await step({ kind: 'closed', callers: CAPACITY_CALLERS }, bench.sizes.seconds)
      const open = (rate: number, seconds: number, seed: number): Asked['load'] => ({
        kind: 'open',
        arrivals: poissonArrivals(rate, seconds, seededRandom(seed)),
      })
      const deadlineMs = DEADLINE_MS[workload]
      const before = await step(open(CALM_SHARE * capacityRps, CALM_SECONDS, 1), CALM_SECONDS)
      const offeredRps = FACTOR * capacityRps
      const { overloaded, after } = await overloadThenCalm(bench, running, {
        workload,
        deadlineMs,
        arrivals: {
          overload: poissonArrivals(offeredRps, bench.sizes.seconds, seededRandom(2)),
          calm: poissonArrivals(CALM_SHARE * capacityRps, CALM_SECONDS, seededRandom(3)),
        },
      })
      const accepted = latenciesFromSent(overloaded)
      const late = accepted.filter((latency) => latency > deadlineMs)
      const recovered = recoverySeconds(after, Math.max(RECOVERED.atLeastMs, RECOVERED.factor * before.p99Ms))
      const statuses: Record<string, number> = {}
      for (const status of overloaded.status) statuses[String(status)] = (statuses[String(status)] ?? 0) + 1
      const row: Overload = {
        workload,
        capacityRps: rounded(capacityRps),
        offeredRps: rounded(offeredRps),
        deadlineMs,
        requests: overloaded.status.length,
        statuses,
        pastDeadline: late.length,
        mostPastDeadlineMs: rounded(Math.max(0, ...late.map((latency) => latency - deadlineMs))),
        serverErrors: overloaded.status.filter((status) => status >= 500).length,
        acceptedP99Ms: accepted.length === 0 ? 0 : rounded(percentile(accepted, 0.99)),
        recoverySeconds: recovered === undefined ? null : rounded(recovered, 2),
      }
      overload.push(row)
      say(`  ${JSON.stringify(row)}`)
    })
  }
  return { overload }
}

/** One step, so that the calm load follows the overload at once. */
async function overloadThenCalm(
  bench: Bench,
  running: RunningServer,
  asked: { workload: Workload; deadlineMs: number; arrivals: { overload: Float64Array; calm: Float64Array } },
) {
  const { overload, calm } = asked.arrivals
  const overloadMs = bench.sizes.seconds * 1000
  const { result } = await measureStep(bench, valence('int8'), running, {
    order: asked.workload,
    load: { kind: 'open', arrivals: Float64Array.from([...overload, ...calm.map((at) => at + overloadMs)]) },
    seconds: bench.sizes.seconds + CALM_SECONDS,
    headers: { [HEADERS.deadline]: String(asked.deadlineMs) },
  })
  const { requests } = result
  const overloaded = slice(requests, 0, overload.length)
  const after = slice(requests, overload.length, requests.status.length)
  return {
    overloaded,
    after: Array.from(after.status, (status, index) => ({
      intendedMs: (after.intended[index] ?? 0) - overloadMs,
      latencyMs: (after.done[index] ?? 0) - (after.intended[index] ?? 0),
      isOk: status === 200,
    })),
  }
}

/** Of the 200. The deadline runs from when the server could know of it: that the load generator was late is not the server's. */
function latenciesFromSent({ status, sent, done }: Requests): number[] {
  return [...status].flatMap((code, index) => (code === 200 ? [(done[index] ?? 0) - (sent[index] ?? 0)] : []))
}

function slice(requests: Requests, from: number, to: number): Requests {
  return {
    text: requests.text.subarray(from, to),
    intended: requests.intended.subarray(from, to),
    sent: requests.sent.subarray(from, to),
    done: requests.done.subarray(from, to),
    status: requests.status.subarray(from, to),
    sameLabel: requests.sameLabel.subarray(from, to),
    scoreDifference: requests.scoreDifference.subarray(from, to),
  }
}
