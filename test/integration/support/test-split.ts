/** Plays the serving pods of a canary: each runs the routing file that its annotation names, and counts the requests that it would split. */
import { FAILURE_KINDS, type Evidence } from '../../../contract/evidence.ts'
import { ANNOTATIONS } from '../../../operator/builders/metadata.ts'
import { readRouting } from '../../../operator/builders/routing.ts'
import { routingName } from '../../../operator/builders/deployment.ts'
import type { ReadEvidence } from '../../../operator/controllers/evidence.ts'
import type { AskService } from '../../../operator/controllers/rehearsal.ts'
import type { KubeClient } from '../../../operator/kube/client.ts'
import { configMaps, pods } from '../../../operator/kube/resource.ts'

const REQUESTS_PER_LOOK = 2000

export class TestSplit {
  readonly #client: KubeClient
  readonly #namespace: string
  readonly #model: string
  readonly #counted = new Map<string, Evidence>()
  /** Share of the requests of a version that fail. */
  failing: Record<string, number> = {}

  constructor(client: KubeClient, namespace: string, model: string) {
    this.#client = client
    this.#namespace = namespace
    this.#model = model
  }

  readonly readEvidence: ReadEvidence = async ({ uid, name, version }) => {
    const pod = await this.#client.get(pods, this.#namespace, name)
    const map = await this.#client.get(configMaps, this.#namespace, routingName(this.#model))
    const routing = readRouting(map)
    const epoch = Number.parseInt(pod?.metadata.annotations?.[ANNOTATIONS.routingEpoch] ?? '-1', 10)
    const before = this.#counted.get(uid) ?? { boot: uid, epoch, version, digest: '', arms: {}, forced: {}, shadow: {} }
    const after = structuredClone({ ...before, epoch })
    if (routing?.stable === version && routing.epoch === epoch) {
      const toCandidate = Math.round((REQUESTS_PER_LOOK * routing.perMille) / 1000)
      this.#count(after, version, REQUESTS_PER_LOOK - toCandidate)
      if (routing.candidate !== undefined) this.#count(after, routing.candidate, toCandidate)
    }
    this.#counted.set(uid, after)
    return after
  }

  readonly askService: AskService = (_service, _text, version) => {
    for (const evidence of this.#counted.values()) {
      const forced = evidence.forced[version] ?? { requests: 0, failures: 0 }
      evidence.forced[version] = { ...forced, requests: forced.requests + 1 }
    }
    return Promise.resolve({ version, label: 'positive' })
  }

  #count(evidence: Evidence, version: string, requests: number): void {
    const [kind] = FAILURE_KINDS
    const arm = (evidence.arms[version] ??= { requests: 0, failures: 0, reasons: {}, latency: [] })
    const failures = Math.round(requests * (this.failing[version] ?? 0))
    arm.requests += requests
    arm.failures += failures
    arm.reasons[kind] = (arm.reasons[kind] ?? 0) + failures
  }
}
