/** Which of the callers' requests failed during what. */
import { failureText, type TrafficCount, type TrafficFailure } from '../../../dev/traffic/traffic-pod.ts'
import { eventually } from '../../e2e/support/eventually.ts'
import type { Traffic } from '../../e2e/support/traffic.ts'
import { say, timed } from './progress.ts'
import type { Disruption } from './results.ts'

interface Options {
  /** A stable pod goes without a warning, and the connections of its callers with it. */
  takesConnections?: boolean
}
/** A string that it gives is what became of it. */
type Act = () => Promise<unknown>

export interface TrafficLog {
  readonly entries: readonly Disruption[]
  during(what: string, ...rest: [Act] | [Options, Act]): Promise<void>
  sent(): Promise<number>
  total(): Promise<{ requests: number; failedBeyondStable: number }>
}

/** Between two disruptions goes into the entry of the later one: so that the entries add up to all there was. */
export async function startCount(traffic: Traffic): Promise<TrafficLog> {
  const entries: Disruption[] = []
  // The pod answers late where it has much to do.
  const look = () => eventually('the traffic pod says what it counted', 60, () => traffic.count())
  const first = await look()
  let before = first
  const excused = () => entries.reduce((sum, { failedWithStable }) => sum + failedWithStable, 0)
  return {
    entries,
    during: async (what, ...rest) => {
      const [options, act] = rest.length === 1 ? [{}, rest[0]] : rest
      const { value: outcome, seconds } = await timed(what, act)
      const after = await look()
      const entry = entryOf(before, after, options)
      before = after
      entries.push({ what, ...(typeof outcome === 'string' && { outcome }), seconds, ...entry })
      say(`  ${entry.requests} requests, ${entry.failures} failed${typeof outcome === 'string' ? `; ${outcome}` : ''}`)
      for (const failure of after.failures.slice(after.failures.length - Math.min(entry.failures, 5)))
        say(`  ${failureText(failure)}`)
    },
    sent: async () => (await look()).sent - first.sent,
    total: async () => {
      const last = await look()
      return { requests: last.sent - first.sent, failedBeyondStable: last.failed - first.failed - excused() }
    },
  }
}

function entryOf(before: TrafficCount, after: TrafficCount, { takesConnections = false }: Options) {
  const failures = after.failed - before.failed
  const fresh = after.failures.slice(before.failures.length)
  const all = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)
  return {
    requests: after.sent - before.sent,
    failures,
    // Callers are connected to stable pods only, so what a candidate does reaches them as an answer, or as none in time.
    failedWithStable: takesConnections ? fresh.filter(isConnectionLost).length : 0,
    fallbacks: all(after.fallbacks) - all(before.fallbacks),
  }
}

const isConnectionLost = ({ status, why }: TrafficFailure) => status === undefined && !why.includes('no answer in')
