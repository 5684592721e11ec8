/** A model with a stable version and a new one, on a cluster that does at once what the plan says, unless a test has it otherwise. */
import type { SentimentModelStatus } from '../../../api/v1alpha1/sentiment-model.ts'
import { isoTime } from '../../conditions.ts'
import type { Serving } from '../../model-observed.ts'
import { planModel, type ModelPlan } from '../../model.ts'
import {
  acceptedStatus,
  DIGEST,
  modelObserved,
  modelOf,
  NOW,
  servingOf,
  trainSource,
  versionOf,
} from '../../testing/factories.ts'
import type { Verb } from '../commands.ts'
import type { DecisionContent } from '../decision.ts'
import type { EvidenceObserved } from '../evidence.ts'

const sources = [3, 4, 5].map((epochs) => trainSource({ hyperparameters: { epochs } }))
const versions = sources.map((source, index) => versionOf(modelOf(source), acceptedStatus(), NOW - 1e7 + index * 1000))
export const [OLD = '', NEW = '', NEWER = ''] = versions.map((version) => version.metadata.name)

export interface Traffic {
  /** Requests between two looks. */
  requests: number
  /** Share that fails, by version. */
  failing: Record<string, number>
  /** Share of shadowed texts with another label. */
  disagreeing: number
  /** Share of shadowed texts that the candidate does not answer. */
  shadowFailing: number
}

export class Canary {
  now = NOW
  stable: string | undefined = OLD
  source = 1
  spec: Record<string, unknown>
  annotations: Record<string, string> = {}
  #annotatedAt = NOW
  #countedAt: number | undefined
  status: SentimentModelStatus = {
    promotions: [{ version: OLD, digest: DIGEST, time: isoTime(NOW - 1e6), reason: 'FirstVersion' }],
  }
  serving = new Map<string, Serving>([[OLD, servingOf(OLD)]])
  routing: ModelPlan['routing']
  plan: ModelPlan | undefined
  /** What was to be written down, in order. */
  readonly decisions: DecisionContent[] = []
  /** The newest of them that was written down. */
  recorded: DecisionContent | undefined
  traffic: Traffic = { requests: 2000, failing: {}, disagreeing: 0, shadowFailing: 0 }
  /** Versions whose pods do not get ready, and pods that do not take up a routing file. */
  unready = new Set<string>()
  isLagging = false
  isRehearsalPassed = true
  /** The process dies as soon as a decision is on record. */
  diesOnDecision = false
  /** The API server refuses what a decision is written down in, and with it all that comes after but what was counted. */
  areDecisionsRefused = false
  #pods = new Map<string, number>()

  constructor(spec: Record<string, unknown> = { rollout: { steps: [{ weight: 5 }, { weight: 50 }] } }) {
    this.spec = spec
  }

  annotate(verb: Verb | 'pause' | 'resume', version: string) {
    this.annotations = { ...this.annotations, [`valence.dev/${verb}`]: version }
    this.#annotatedAt = this.now
  }

  /** As `kubectl annotate` does it: one entry for all annotations, with the time of the latest. */
  get #managedFields() {
    const names = Object.keys(this.annotations).map((name) => [`f:${name}`, {}])
    const fieldsV1 = { 'f:metadata': { 'f:annotations': Object.fromEntries(names) as Record<string, unknown> } }
    return [{ manager: 'kubectl-annotate', time: isoTime(this.#annotatedAt), fieldsV1 }]
  }

  get rollout() {
    return this.status.rollout
  }

  condition(type: string) {
    const found = this.status.conditions?.find((condition) => condition.type === type)
    return found && `${found.status} ${found.reason}`
  }

  /** What the next look has counted was counted while the pods ran a file with this weight. */
  countedAt(perMille: number): this {
    this.#countedAt = perMille
    return this
  }

  /** One look of the operator: everything it asks for has happened before the next one. */
  look(times = 1): this {
    for (let i = 0; i < times; i++) this.#look()
    return this
  }

  /** Until it holds. */
  until(what: string, holds: () => boolean, limit = 200): this {
    for (let i = 0; i < limit; i++) {
      if (holds()) return this
      this.look()
    }
    throw new Error(`${what}: not within ${limit} looks; ${JSON.stringify(this.status.rollout)}`)
  }

  #look() {
    const model = modelOf({ ...sources[this.source], ...this.spec }, { status: this.status })
    const metadata = { ...model.metadata, annotations: this.annotations, managedFields: this.#managedFields }
    const plan = planModel(
      modelObserved({
        model: { ...model, metadata },
        versions,
        stable: this.stable,
        serving: [...this.serving.values()],
        routing: this.routing,
        evidence: this.#evidence(),
        ...(this.recorded && { lastDecision: this.recorded }),
      }),
      this.now,
    )
    this.plan = plan
    if (plan.decision) {
      if (this.areDecisionsRefused) {
        // As the reconciler does it: what was counted is kept, and the file with weight 0 is written.
        const { counted } = plan
        if (counted && this.status.rollout) this.status = { ...this.status, rollout: counted }
        if (plan.decision.kind !== 'Promote') this.routing = plan.routing
        this.now += 2_000
        return
      }
      this.decisions.push(plan.decision)
      this.recorded = plan.decision
      // Its effects and the status are never written.
      if (this.diesOnDecision) return
    }
    this.routing = plan.routing
    for (const { version, replicas } of plan.deploy) {
      const readyReplicas = this.unready.has(version) ? 0 : replicas
      this.serving.set(
        version,
        servingOf(version, { replicas, readyReplicas, isFullyReady: readyReplicas === replicas }),
      )
    }
    this.stable = plan.stable
    for (const version of plan.retire) this.serving.delete(version)
    const { rollout } = plan.status
    const rehearsal = {
      tries: (rollout?.rehearsal?.tries ?? 0) + 1,
      sent: 3,
      passed: this.isRehearsalPassed ? 3 : 0,
      counted: 3,
      isPassed: this.isRehearsalPassed,
      message: this.isRehearsalPassed ? 'as expected' : '"fine": wanted positive, found negative',
    }
    this.status = plan.rehearse && rollout ? { ...plan.status, rollout: { ...rollout, rehearsal } } : plan.status
    if (!this.isLagging && plan.routing) this.#pods.set('pod', plan.routing.epoch)
    this.now += 2_000
  }

  #evidence(): EvidenceObserved {
    const { requests, failing, disagreeing, shadowFailing } = this.traffic
    const { stable = '', candidate, perMille = 0, shadowPerMille = 0 } = this.routing ?? {}
    const toCandidate = Math.round((requests * (this.#countedAt ?? perMille)) / 1000)
    this.#countedAt = undefined
    const arm = (version: string, count: number) => {
      const failures = Math.round(count * (failing[version] ?? 0))
      return { requests: count, failures, reasons: failures > 0 ? { error: failures } : {} }
    }
    const shadowed = Math.round(((requests - toCandidate) * shadowPerMille) / 1000)
    const shadowFailures = Math.round(shadowed * shadowFailing)
    const samples = shadowed - shadowFailures
    const disagreements = Math.round(samples * disagreeing)
    const epoch = this.#pods.get('pod')
    return {
      pods: [{ pod: 'pod', version: stable, isReady: true, ...(epoch !== undefined && { epoch }) }],
      arms: {
        [stable]: arm(stable, requests - toCandidate),
        ...(candidate !== undefined && { [candidate]: arm(candidate, toCandidate) }),
      },
      shadow:
        candidate === undefined
          ? {}
          : {
              [candidate]: {
                samples,
                disagreements,
                negToPos: disagreements,
                posToNeg: 0,
                distance: 0,
                failures: shadowFailures,
                dropped: 0,
              },
            },
    }
  }
}
