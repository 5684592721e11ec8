/** Waits for the quickstart's model, and says meanwhile how far it is. */
import { setTimeout } from 'node:timers/promises'
import type { SentimentModel } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { command } from '../command.ts'
import { retry } from '../retry.ts'
import type { StepContext } from '../steps.ts'
import { MODEL, NAMESPACE } from './install.ts'

const POLL_MS = 2000
/** An API server that is short of CPU time, as while a model trains, may miss a question or two. */
const ATTEMPTS = 5
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
  const fail = (what: string, status: Status) => explain(what, status, context, env)
  const deadline = Date.now() + DEADLINE_MS
  let blockedSince: number | undefined
  let said = ''
  for (;;) {
    const get = () =>
      command(['kubectl', 'get', 'sentimentmodel', MODEL, '-o', 'json'], { ...context, env, isQuestion: true })
    const answer = await retry(get, { attempts: ATTEMPTS, pauseMs: POLL_MS, signal: context.signal })
    const model = JSON.parse(answer) as SentimentModel
    const status = model.status ?? {}
    const generation = (model.metadata as { generation?: number }).generation
    const condition = (type: string) =>
      status.conditions?.find((one) => one.type === type && one.observedGeneration === generation)
    if (condition('Ready')?.status === 'True' && condition('Promoted')?.status === 'True') return status

    const line = describe(status)
    if (line !== said) print((said = line))
    if (status.phase === 'Failed') throw await fail(`the model is ${status.phase}`, status)
    blockedSince = status.blocked === undefined ? undefined : (blockedSince ?? Date.now())
    if (blockedSince !== undefined && Date.now() - blockedSince > BLOCKED_PATIENCE_MS)
      throw await fail('the model is blocked', status)
    if (Date.now() > deadline) throw await fail('the model is not ready in time', status)
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

/** The error of a model that did not become ready. Logs and events, which say more than conditions can, go to the step's log. */
async function explain(
  what: string,
  status: Status,
  context: StepContext,
  env: Readonly<Record<string, string>>,
): Promise<Error> {
  const selector = `valence.dev/model=${MODEL}`
  // Each is worth having alone: a pod that never ran has no log.
  await Promise.allSettled(
    (
      [
        ['kubectl', 'get', 'modelversions,jobs,pods', '-l', selector, '-o', 'wide'],
        ['kubectl', 'get', 'events', '--field-selector', 'type=Warning', '--sort-by=.lastTimestamp'],
        ['kubectl', 'logs', '-l', selector, '--tail=15', '--prefix', '--all-containers'],
        ['kubectl', '-n', NAMESPACE, 'logs', '-l', 'app.kubernetes.io/component=operator', '--tail=15'],
      ] as const
    ).map((line) => command([...line], { ...context, env })),
  )
  const { blocked, conditions = [] } = status
  return new Error(
    [
      what,
      ...(blocked === undefined ? [] : [`Blocked by ${blocked.object} (${blocked.reason}): ${blocked.message}`]),
      ...conditions.map((one) => `${one.type}=${one.status} ${one.reason}: ${one.message}`),
    ].join('\n    '),
  )
}
