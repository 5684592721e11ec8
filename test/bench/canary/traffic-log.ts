/** Which of the callers' requests failed during what. */
import { failureText, type TrafficCount, type TrafficFailure } from '../../../dev/traffic/traffic-pod.ts'
import { eventually } from '../../e2e/support/eventually.ts'
import type { Traffic } from '../../e2e/support/traffic.ts'
import { say, timed } from '../progress.ts'
import type { Disruption } from './results.ts'

/**
 * A stable pod is killed: `alone`, where there is no candidate, which shows what a kill takes by itself; or `beside` one, which is held
 * against that.
 */
type Kill = 'alone' | 'beside'
interface Options {
  kill?: Kill
}
/** A string that it gives is what became of it. */
type Act = () => Promise<unknown>

export interface TrafficLog {
  readonly entries: readonly Disruption[]
  during(what: string, ...rest: [Act] | [Options, Act]): Promise<void>
  sent(): Promise<number>
  total(): Promise<{ requests: number; failedBeyondStable: number }>
}

/** What happens between two disruptions goes into the entry of the later one: so that the entries add up to all there was. */
export async function startCount(traffic: Traffic): Promise<TrafficLog> {
  const entries: Disruption[] = []
  // The pod answers late where it has much to do.
  const look = () => eventually('the traffic pod says what it counted', 60, () => traffic.count())
  const first = await look()
  let before = first
  const excused = () => entries.reduce((sum, { failedWithStable }) => sum + failedWithStable, 0)
  /** The most that a kill alone has taken so far: all that one beside a candidate may take. */
  let control = 0
  const ofKill = (begin: TrafficCount, after: TrafficCount, kill: Kill | undefined) => {
    if (kill === undefined) return { failedWithStable: 0 }
    const lost = unanswered(begin, after)
    if (kill === 'alone') control = Math.max(control, lost)
    return { lost, failedWithStable: Math.min(lost, control) }
  }
  return {
    entries,
    during: async (what, ...rest) => {
      const [options, act] = rest.length === 1 ? [{}, rest[0]] : rest
      // A kill excuses nothing that was before it.
      const begin = options.kill ? await look() : before
      const { value: outcome, seconds } = await timed(what, act)
      const after = await look()
      const entry = { ...entryOf(before, after), ...ofKill(begin, after, options.kill) }
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

function entryOf(before: TrafficCount, after: TrafficCount) {
  const all = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)
  return {
    requests: after.sent - before.sent,
    failures: after.failed - before.failed,
    fallbacks: all(after.fallbacks) - all(before.fallbacks),
  }
}

/** A pod that is killed answers nothing: what failed with an answer, it did not fail. */
const unanswered = (before: TrafficCount, after: TrafficCount) =>
  after.failures.slice(before.failures.length).filter(({ status }: TrafficFailure) => status === undefined).length
