/** Asks serving pods what they have counted, and keeps what each one said last, so that only differences are added up. */
import { EVIDENCE_PATH, evidence, type Evidence } from '../../contract/evidence.ts'
import { PORTS } from '../../contract/names.ts'
import type { EvidenceObserved, PodEvidence } from '../plan/rollout/evidence.ts'
import { podUrl, requestJson } from './pod-http.ts'

export interface ServingPod {
  uid: string
  name: string
  version: string
  ip: string | undefined
  isReady: boolean
}

export type ReadEvidence = (pod: ServingPod, signal: AbortSignal) => Promise<Evidence>

const TIMEOUT_MS = 2_000
const LOOK_TIMEOUT_MS = 4_000
const MAX_BYTES = 262_144
/** Pods that are asked at the same time. */
const CONCURRENCY = 16

export const readEvidence: ReadEvidence = async ({ ip }, signal) => {
  if (ip === undefined) throw new Error('it has no address yet')
  const url = `${podUrl(ip, PORTS.metrics)}${EVIDENCE_PATH}`
  return (await requestJson({ url, schema: evidence, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES }, signal)).body
}

type Answer = { pod: ServingPod; said: Evidence } | { pod: ServingPod; problem: string }

export class EvidenceLedger {
  readonly #read: ReadEvidence
  /** By model and pod uid. In memory only: after a restart a window is lost, and none is counted twice. */
  readonly #last = new Map<string, Map<string, Evidence>>()

  constructor(read: ReadEvidence) {
    this.#read = read
  }

  async collect(model: string, pods: readonly ServingPod[], signal: AbortSignal): Promise<EvidenceObserved> {
    const answers = await this.#ask(pods, signal)
    const last = this.#last.get(model)
    const heard = new Map<string, Evidence>()
    const sum: Sum = { arms: {}, shadow: {} }
    for (const answer of answers) {
      const { uid } = answer.pod
      const before = last?.get(uid)
      if ('said' in answer) {
        if (before) addDifference(sum, before, answer.said)
        heard.set(uid, answer.said)
      } else if (before) {
        // It may answer again, with more than it had.
        heard.set(uid, before)
      }
    }
    this.#last.set(model, heard)
    return { pods: answers.map(podEvidence), ...sum }
  }

  /** Requests that named this version themselves, as each process has counted them since its start. By boot. */
  async forced(
    pods: readonly ServingPod[],
    version: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const answers = await this.#ask(pods, signal)
    return new Map(
      answers.flatMap((answer) =>
        'said' in answer ? [[answer.said.boot, answer.said.forced[version]?.requests ?? 0]] : [],
      ),
    )
  }

  forget(model: string): void {
    this.#last.delete(model)
  }

  async #ask(pods: readonly ServingPod[], outer: AbortSignal): Promise<Answer[]> {
    // For all of them together: pods that can't be reached must not keep the plan from being made.
    const signal = AbortSignal.any([outer, AbortSignal.timeout(LOOK_TIMEOUT_MS)])
    const answers = new Array<Answer>(pods.length)
    let next = 0
    const work = async (): Promise<void> => {
      while (next < pods.length) {
        const index = next++
        const pod = pods[index]
        if (!pod) return
        answers[index] = await this.#askOne(pod, signal)
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, pods.length) }, work))
    outer.throwIfAborted()
    return answers
  }

  async #askOne(pod: ServingPod, signal: AbortSignal): Promise<Answer> {
    try {
      const said = await this.#read(pod, signal)
      // An address is given to another pod as soon as this one is gone, and that may be before we hear of it.
      if (said.version !== pod.version) throw new Error(`a pod of ${said.version} answers at its address`)
      return { pod, said }
    } catch (error) {
      return { pod, problem: `did not say what it runs: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
}

interface Sum {
  arms: Record<string, EvidenceObserved['arms'][string]>
  shadow: Record<string, EvidenceObserved['shadow'][string]>
}

function podEvidence(answer: Answer): PodEvidence {
  const { name: pod, version, isReady } = answer.pod
  return 'said' in answer
    ? { pod, version, isReady, epoch: answer.said.epoch }
    : { pod, version, isReady, problem: answer.problem }
}

/** A process that has started anew counts from zero; whatever it had counted since the last look before is lost. */
function addDifference(sum: Sum, before: Evidence, now: Evidence): void {
  const isSameProcess = before.boot === now.boot
  // What it counted in between is of two weights, and nobody knows how much of which.
  if (isSameProcess && before.epoch !== now.epoch) return
  for (const [version, arm] of Object.entries(now.arms)) {
    const old = isSameProcess ? before.arms[version] : undefined
    const total = (sum.arms[version] ??= { requests: 0, failures: 0, reasons: {} })
    const since = subtract(flat(arm), old && flat(old))
    // More failures than requests since then: it began anew, though nothing has fallen.
    const { requests, failures, ...reasons } = since.failures > since.requests ? flat(arm) : since
    total.requests += requests
    total.failures += failures
    for (const [kind, count] of Object.entries(reasons)) total.reasons[kind] = (total.reasons[kind] ?? 0) + count
  }
  for (const [version, shadow] of Object.entries(now.shadow)) {
    const grown = subtract(shadow, isSameProcess ? before.shadow[version] : undefined)
    const total = sum.shadow[version]
    sum.shadow[version] = total ? add(total, grown) : grown
  }
}

type Arm = Evidence['arms'][string]

/** Its counters side by side, so that they are found to have begun anew together. */
const flat = ({
  requests,
  failures,
  reasons,
}: Arm): { requests: number; failures: number; [kind: string]: number } => ({
  ...reasons,
  requests,
  failures,
})

/** Counters only grow: where one has fallen, all of them were dropped and began anew. */
function subtract<T extends object>(now: T, before: T | undefined): T {
  const was = new Map(before && counters(before))
  const is = new Map(counters(now))
  const isAnew = [...was].some(([key, count]) => (is.get(key) ?? 0) < count)
  const grown = [...is].map(([key, count]) => [key, isAnew ? count : count - (was.get(key) ?? 0)] as const)
  return { ...now, ...Object.fromEntries(grown) }
}

const counters = (of: object) =>
  Object.entries(of).filter((entry): entry is [string, number] => typeof entry[1] === 'number')

function add<T extends object>(a: T, b: T): T {
  const entries = Object.entries(a).map(([key, value]: [string, unknown]) => {
    const other = (b as Record<string, unknown>)[key]
    return [key, typeof value === 'number' && typeof other === 'number' ? value + other : value]
  })
  return Object.fromEntries(entries) as T
}
