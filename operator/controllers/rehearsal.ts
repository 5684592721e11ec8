/** Golden texts through the Service that callers use, with the new version forced: the whole way, before any live request. */
import { z } from 'zod'
import { HEADERS, PORTS } from '../../contract/names.ts'
import type { RolloutStatus } from '../api/v1alpha1/rollout.ts'
import { clip } from '../plan/conditions.ts'
import type { EvidenceLedger, ServingPod } from './evidence.ts'
import { requestJson } from './pod-http.ts'

export type Rehearsal = NonNullable<RolloutStatus['rehearsal']>

export interface GoldenText {
  text: string
  /** Absent: any answer will do. */
  label?: string
}

/** Where the evaluation found no text that every precision is sure of. */
const ANY_TEXTS: readonly GoldenText[] = ['A test.', 'It was good.', 'It was bad.'].map((text) => ({ text }))
const TIMEOUT_MS = 5_000
const MAX_BYTES = 65_536

const prediction = z.object({ sentiment: z.string() })

/** The answering version and label. */
export type AskService = (
  service: { namespace: string; name: string },
  text: string,
  version: string,
  signal: AbortSignal,
) => Promise<{ version: string | undefined; label: string }>

export const askService: AskService = async ({ namespace, name }, text, version, signal) => {
  const url = `http://${name}.${namespace}.svc:${PORTS.api}/predict`
  const headers = { [HEADERS.modelVersion]: version }
  const request = { url, schema: prediction, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, body: { text }, headers }
  const answer = await requestJson(request, signal)
  const found = answer.headers[HEADERS.modelVersion]
  return { version: typeof found === 'string' ? found : undefined, label: answer.body.sentiment }
}

export async function rehearse(
  deps: { ask: AskService; ledger: EvidenceLedger },
  input: {
    service: { namespace: string; name: string }
    version: string
    golden: readonly GoldenText[]
    /** The pods behind the Service. */
    pods: readonly ServingPod[]
    before: Rehearsal | undefined
  },
  signal: AbortSignal,
): Promise<Rehearsal> {
  const { version, pods } = input
  const texts = input.golden.length > 0 ? input.golden : ANY_TEXTS
  const countedBefore = await deps.ledger.forced(pods, version, signal)
  // All at once: a version that hangs is found out within one timeout.
  const problemsOfTexts = await Promise.all(
    texts.map(async ({ text, label }) => {
      const problem = await askOne(deps.ask, input, { text, label }, signal)
      return problem === undefined ? [] : [`"${clip(text, 60)}": ${problem}`]
    }),
  )
  const failures = problemsOfTexts.flat()
  const sent = texts.length
  const counted = grown(countedBefore, await deps.ledger.forced(pods, version, signal))
  const problems = counted < sent ? [...failures, `the pods have counted ${counted} of ${sent} requests`] : failures
  const isPassed = problems.length === 0
  return {
    tries: (input.before?.tries ?? 0) + 1,
    sent,
    passed: sent - failures.length,
    counted,
    isPassed,
    message: isPassed ? `${sent} golden texts were answered as expected, and counted` : clip(problems.join('; ')),
  }
}

/** Of the processes that could be asked both times: what another one has counted may be of any time. */
const grown = (before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>) =>
  [...now].reduce((sum, [boot, count]) => sum + Math.max(0, count - (before.get(boot) ?? count)), 0)

/** What is wrong with its answer; undefined where nothing is. */
async function askOne(
  ask: AskService,
  { service, version }: { service: { namespace: string; name: string }; version: string },
  { text, label }: { text: string; label: string | undefined },
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const answer = await ask(service, text, version, signal)
    if (answer.version !== version) return `answered by ${answer.version ?? 'an unnamed version'}`
    if (label !== undefined && answer.label !== label) return `wanted ${label}, found ${answer.label}`
    return undefined
  } catch (error) {
    if (signal.aborted) throw error
    return error instanceof Error ? error.message : String(error)
  }
}
