/** What this pod has seen of each version since it started; `GET :8001/evidence` shows it. */
import {
  LATENCY_BOUNDS_MS,
  type ArmCounters,
  type Evidence,
  type FailureKind,
  type ShadowCounters,
} from '../../contract/evidence.ts'
import type { Metrics } from '../metrics.ts'
import type { Comparison } from './compare-predictions.ts'
import type { Outcome } from './outcome.ts'
import type { ChosenBy, KnownRouting } from './who-answers.ts'

export interface Observed {
  chosenBy: ChosenBy
  /** The version that was chosen, whoever answered in the end. */
  version: string
  outcome: Outcome
  /** From the choice to the answer of the version that was chosen, or to its failure. */
  elapsedMs: number
  slowAfterMs: number
}

export type ShadowResult =
  | { kind: 'compared'; comparisons: readonly Comparison[] }
  /** No answer, or none that can be compared. */
  | { kind: 'failed' }
  /** Too many were under way. */
  | { kind: 'dropped' }

export interface EvidenceKeeper {
  record: (observed: Observed) => void
  recordShadow: (version: string, result: ShadowResult) => void
  snapshot: () => Evidence
}

interface Counters {
  arm?: ArmCounters
  forced?: { requests: number; failures: number }
  shadow?: ShadowCounters
}

/** Versions that are held although the routing file has forgotten them. */
const VERSIONS_HELD = 16

export function createEvidenceKeeper(options: {
  version: string
  digest: string
  routing: () => KnownRouting
  metrics: Pick<Metrics, 'armRequests' | 'armFailures' | 'armDuration' | 'shadowTexts' | 'shadowRequests'>
  boot?: string
}): EvidenceKeeper {
  const { version: ownVersion, digest, metrics } = options
  const boot = options.boot ?? crypto.randomUUID()
  const versions = new Map<string, Counters>()

  function countersOf(version: string): Counters {
    const known = versions.get(version)
    if (known !== undefined) return known
    const counters = {}
    versions.set(version, counters)
    if (versions.size > VERSIONS_HELD) forgetOne(version)
    return counters
  }

  /** The oldest that nobody judges any more. */
  function forgetOne(newest: string): void {
    const routing = options.routing()
    const inUse = new Set([newest, ownVersion])
    if (typeof routing === 'object') {
      for (const version of [routing.stable, routing.candidate, routing.baseline, ...Object.keys(routing.endpoints)]) {
        if (version !== undefined) inUse.add(version)
      }
    }
    const forgotten = [...versions.keys()].find((version) => !inUse.has(version))
    if (forgotten !== undefined) versions.delete(forgotten)
  }

  function recordArm(version: string, failure: FailureKind | undefined, elapsedMs: number): void {
    const arm = (countersOf(version).arm ??= newArm())
    const bucket = bucketOf(elapsedMs)
    arm.requests++
    arm.latency[bucket] = (arm.latency[bucket] ?? 0) + 1
    metrics.armRequests.inc({ version })
    metrics.armDuration.observe({ version }, elapsedMs / 1000)
    if (failure === undefined) return
    arm.failures++
    arm.reasons[failure] = (arm.reasons[failure] ?? 0) + 1
    metrics.armFailures.inc({ version, kind: failure })
  }

  function recordForced(version: string, failure: FailureKind | undefined): void {
    const forced = (countersOf(version).forced ??= { requests: 0, failures: 0 })
    forced.requests++
    if (failure !== undefined) forced.failures++
  }

  return {
    record({ chosenBy, version, outcome, elapsedMs, slowAfterMs }) {
      if (outcome === 'badInput' || chosenBy === 'nothing') return
      const late = elapsedMs > slowAfterMs ? 'slow' : undefined
      const failure = outcome === 'answered' ? late : outcome
      if (chosenBy === 'split') recordArm(version, failure, elapsedMs)
      else recordForced(version, failure)
    },

    recordShadow(version, result) {
      const shadow = (countersOf(version).shadow ??= newShadow())
      metrics.shadowRequests.inc({ version, outcome: result.kind })
      if (result.kind === 'failed') shadow.failures++
      else if (result.kind === 'dropped') shadow.dropped++
      else {
        for (const { direction, distance } of result.comparisons) {
          shadow.samples++
          shadow.distance += distance
          if (direction !== 'same') {
            shadow.disagreements++
            shadow[direction]++
          }
          metrics.shadowTexts.inc({ version, label: direction === 'same' ? 'same' : 'other' })
        }
      }
    },

    snapshot() {
      const routing = options.routing()
      const entries = [...versions]
      return structuredClone({
        boot,
        epoch: typeof routing === 'object' ? routing.epoch : -1,
        version: ownVersion,
        digest,
        arms: present(entries.map(([version, { arm }]) => [version, arm])),
        forced: present(entries.map(([version, { forced }]) => [version, forced])),
        shadow: present(entries.map(([version, { shadow }]) => [version, shadow])),
      })
    },
  }
}

const newArm = (): ArmCounters => ({
  requests: 0,
  failures: 0,
  reasons: {},
  latency: Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0),
})

const newShadow = (): ShadowCounters => ({
  samples: 0,
  disagreements: 0,
  negToPos: 0,
  posToNeg: 0,
  distance: 0,
  failures: 0,
  dropped: 0,
})

/** Of the first bound that is not below it. */
function bucketOf(elapsedMs: number): number {
  const index = LATENCY_BOUNDS_MS.findIndex((bound) => elapsedMs <= bound)
  return index < 0 ? LATENCY_BOUNDS_MS.length : index
}

function present<Value>(entries: (readonly [string, Value | undefined])[]): Record<string, Value> {
  return Object.fromEntries(entries.filter((entry): entry is [string, Value] => entry[1] !== undefined))
}
