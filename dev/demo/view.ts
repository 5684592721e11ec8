/** What the demo shows of a model while it waits. Pure. */
import type { SentimentModelStatus } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { describe } from '../quickstart/wait.ts'
import type { TrafficCount } from '../traffic/traffic-pod.ts'

export interface Seen {
  status: SentimentModelStatus
  traffic: TrafficCount | undefined
  needed: { harm: number; pass: number }
}

export interface Frame {
  /** For a screen that is drawn anew. */
  lines: string[]
  /** For one that is not: printed when it changes. */
  news: string
}

export function frame(seen: Seen): Frame {
  const { status, traffic } = seen
  const { rollout } = status
  const isUnderWay = rollout !== undefined && rollout.endedAt === undefined
  const head = isUnderWay ? rolloutText(rollout) : describe(status)
  return {
    news: isUnderWay && status.blocked ? `${head}; ${blockedText(status.blocked)}` : head,
    lines: [
      row('model', head),
      ...(isUnderWay ? rolloutRows(rollout, seen.needed) : []),
      ...(isUnderWay && status.blocked ? [row('waits', blockedText(status.blocked))] : []),
      ...(traffic ? trafficRows(traffic) : []),
    ],
  }
}

const row = (name: string, text: string) => `  ${name.padEnd(10)}${text}`

type Rollout = NonNullable<SentimentModelStatus['rollout']>
type Blocked = NonNullable<SentimentModelStatus['blocked']>

const blockedText = ({ reason, object, message }: Blocked) => `${reason} ${object}: ${message}`

function rolloutText({ version, phase, step, steps, weight }: Rollout): string {
  const where = phase === 'Stepping' ? `${phase} ${step ?? 1} of ${steps ?? 1}, ${weight} %` : phase
  return `${version}: ${where}`
}

function rolloutRows(rollout: Rollout, needed: Seen['needed']): string[] {
  const { weight, observed, verdict, shadow, rehearsal, phase } = rollout
  const counted = observed
    ? `, observed ${observed.weight.toFixed(1)} % (99.9 %: ${observed.low.toFixed(1)} to ${observed.high.toFixed(1)}) of ${observed.requests} requests`
    : ''
  return [
    row('weight', `wanted ${weight} %${counted}`),
    ...(phase === 'Rehearsing' && rehearsal ? [row('rehearsal', rehearsal.message)] : []),
    ...(phase === 'Shadowing' && shadow?.message !== undefined ? [row('shadow', shadow.message)] : []),
    ...(verdict
      ? [
          row('verdict', `${verdict.verdict} (${verdict.reason}): ${verdict.message}`),
          row('evidence', evidenceText(verdict.eValues, needed)),
        ]
      : []),
  ]
}

export const evidenceText = (
  { harm, ratio, rate }: { harm: number; ratio: number; rate: number },
  needed: Seen['needed'],
): string =>
  `harm ${short(harm)} of ${short(needed.harm)}, ratio ${short(ratio)} and rate ${short(rate)} of ${short(needed.pass)}`

const short = (value: number) =>
  value >= 1e5 || value < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(3)))

export function trafficRows({ sent, failed, versions, fallbacks }: TrafficCount): string[] {
  return [
    row('callers', `${sent} requests, ${failed} failed`),
    row('answers', countsText(versions) || 'none yet'),
    ...(Object.keys(fallbacks).length > 0
      ? [row('', `${countsText(fallbacks)}: stable answered in the place of the new version`)]
      : []),
  ]
}

export const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
