/** Waits for the quickstart's model, and says meanwhile how far it is. */
import { setTimeout } from 'node:timers/promises'
import type { SentimentModel } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { command } from '../command.ts'
import type { StepContext } from '../steps.ts'
import { MODEL } from './install.ts'

const POLL_MS = 2000
/** Training takes two to three minutes on two cores; this is for a machine that is much slower. */
const DEADLINE_MS = 45 * 60_000
/** A wait whose cause is shown is given this long to end by itself: a volume that is being bound, for example. */
const BLOCKED_PATIENCE_MS = 120_000

type Status = NonNullable<SentimentModel['status']>

export async function waitForModel(
  context: StepContext,
  env: Readonly<Record<string, string>>,
  print: (line: string) => void,
): Promise<Status> {
  const kubectl = (...args: string[]) => command(['kubectl', ...args], { ...context, env })
  const deadline = Date.now() + DEADLINE_MS
  let blockedSince: number | undefined
  let said = ''
  for (;;) {
    const model = JSON.parse(await kubectl('get', 'sentimentmodel', MODEL, '-o', 'json')) as SentimentModel
    const status = model.status ?? {}
    const generation = (model.metadata as { generation?: number }).generation
    const condition = (type: string) =>
      status.conditions?.find((one) => one.type === type && one.observedGeneration === generation)
    if (condition('Ready')?.status === 'True' && condition('Promoted')?.status === 'True') return status

    const line = describe(status)
    if (line !== said) print((said = line))
    if (status.phase === 'Failed') throw new Error(await explain(`the model is ${status.phase}`, status, kubectl))
    blockedSince = status.blocked === undefined ? undefined : (blockedSince ?? Date.now())
    if (blockedSince !== undefined && Date.now() - blockedSince > BLOCKED_PATIENCE_MS)
      throw new Error(await explain('the model is blocked', status, kubectl))
    if (Date.now() > deadline) throw new Error(await explain('the model is not ready in time', status, kubectl))
    await setTimeout(POLL_MS, undefined, { signal: context.signal })
  }
}

/** One line that changes when there is news, with progress in steps of five percent. */
export function describe(status: Status): string {
  const { training, blocked, candidate } = status
  if (blocked !== undefined) return `waits: ${blocked.reason} ${blocked.object}: ${blocked.message}`
  if (status.phase === 'Training' && training !== undefined) {
    const percent = training.progress === undefined ? '' : ` ${String(Math.floor(training.progress * 20) * 5)} %`
    const loss = training.loss === undefined || percent === '' ? '' : `, loss ${training.loss.toFixed(2)}`
    return `training ${training.version}${percent}${loss}`
  }
  return `${(status.phase ?? 'waiting for the operator').toLowerCase()}${candidate === undefined ? '' : ` ${candidate.version} (${candidate.phase})`}`
}

async function explain(what: string, status: Status, kubectl: (...args: string[]) => Promise<string>): Promise<string> {
  const conditions = (status.conditions ?? []).map((one) => `  ${one.type}=${one.status} ${one.reason}: ${one.message}`)
  const blocked = status.blocked
  const selector = `valence.dev/model=${MODEL}`
  const parts = await Promise.allSettled([
    kubectl('get', 'modelversions,jobs,pods', '-l', selector, '-o', 'wide'),
    kubectl('logs', '-l', selector, '--tail=40', '--prefix', '--all-containers'),
    kubectl('get', 'events', '--sort-by=.lastTimestamp'),
    kubectl('-n', 'valence-system', 'logs', '-l', 'app.kubernetes.io/component=operator', '--tail=40'),
  ])
  return [
    what,
    ...(blocked === undefined ? [] : [`  Blocked by ${blocked.object} (${blocked.reason}): ${blocked.message}`]),
    ...conditions,
    ...parts.map((part) =>
      part.status === 'fulfilled' ? part.value.trimEnd().split('\n').slice(-60).join('\n') : String(part.reason),
    ),
  ].join('\n')
}
