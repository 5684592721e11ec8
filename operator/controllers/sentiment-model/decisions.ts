/** Writes decisions down, once each, and keeps their number within bounds. */
import packageJson from '../../../package.json' with { type: 'json' }
import type { Decision } from '../../../contract/decision.ts'
import { buildDecision, nextNumber, readDecisions, type DecisionRecord } from '../../builders/decision.ts'
import { configMaps, type ConfigMap } from '../../kube/resource.ts'
import type { Live } from '../../kube/object.ts'
import { decisionHash, isSameDecision, type DecisionContent } from '../../plan/rollout/decision.ts'
import { createChild, deleteChild, isOwnerAlive } from '../children.ts'
import type { OperatorContext } from '../context.ts'
import { sentimentModels } from '../resources.ts'
import type { Gathered } from './gather.ts'

/** The oldest go beyond that; the chain goes on from the first one that is left. */
const KEEP = 50

type Context = Pick<OperatorContext, 'client' | 'caches'>

export async function recordDecision(
  context: Context,
  { live, observed }: Pick<Gathered, 'live' | 'observed'>,
  content: DecisionContent,
  signal: AbortSignal,
): Promise<void> {
  const { model } = observed
  const cache = context.caches(model.metadata.namespace).configMaps
  const own = cache.ownedBy(live.metadata.uid)
  const records = readDecisions(own)
  const last = records.at(-1)
  if (last && isSameDecision(last.decision, content)) return
  const record: Decision = {
    ...content,
    number: nextNumber(model.metadata.name, own),
    operator: packageJson.version,
    ...(last && { previous: decisionHash(last.text) }),
  }
  const desired = buildDecision(model, record)
  await createChild(context.client, live, { resource: configMaps, cache, desired }, signal)
  // The name may have been taken by a decision that the watch has not told of yet: this one then gets the next number.
  const written = readDecisions([cache.get(model.metadata.namespace, desired.metadata.name) ?? desired]).at(-1)
  if (!written || !isSameDecision(written.decision, content))
    throw new Error(`${desired.metadata.name} holds another decision; this one is written down with the next look`)
  await dropOldest(context, live, own, records, signal)
}

async function dropOldest(
  context: Context,
  live: Gathered['live'],
  own: readonly Live<ConfigMap>[],
  records: readonly DecisionRecord[],
  signal: AbortSignal,
) {
  const doomed = new Set(records.slice(0, Math.max(0, records.length + 1 - KEEP)).map(({ name }) => name))
  if (doomed.size === 0 || !(await isOwnerAlive(context.client, sentimentModels, live, signal))) return
  const cache = context.caches(live.metadata.namespace).configMaps
  for (const object of own.filter(({ metadata }) => doomed.has(metadata.name)))
    await deleteChild(context.client, { resource: configMaps, cache, object }, signal)
}
