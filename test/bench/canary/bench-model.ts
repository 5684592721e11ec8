/** A model of the measurements: trained once, and given new versions with the same weights. */
import { EVIDENCE_PATH, evidence, type Evidence } from '../../../contract/evidence.ts'
import { PORTS } from '../../../contract/names.ts'
import type { RolloutStatus } from '../../../operator/api/v1alpha1/rollout.ts'
import { servingSelector } from '../../../operator/plan/serving-selector.ts'
import { sentimentModels } from '../../../operator/controllers/resources.ts'
import type { Live } from '../../../operator/kube/object.ts'
import { deployments, pods, type Pod } from '../../../operator/kube/resource.ts'
import type { Verb } from '../../../operator/plan/rollout/commands.ts'
import { canaryManifest, weightsAgain, type CanaryModel } from '../../e2e/support/canary-model.ts'
import type { Cluster } from '../../e2e/support/cluster.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { applyModel, condition, getModel, quickRecipe, waitForCondition } from '../../e2e/support/models.ts'
import type { Bench } from './bench.ts'
import { noModels } from './no-models.ts'
import { timed } from '../progress.ts'

/** On two cores under load, an import with its evaluation takes a minute or two. */
export const IMPORT_SECONDS = 600

export interface BenchModel {
  cluster: Cluster
  settings: CanaryModel
  /** The version whose weights all others have. */
  first: string
}

export async function withModel<T>(
  { cluster, image }: Bench,
  wanted: Omit<CanaryModel, 'image'>,
  use: (model: BenchModel) => Promise<T>,
): Promise<T> {
  const settings = { ...wanted, image }
  const { name } = settings
  // The one before needs its share of the machine until it is gone.
  await noModels(cluster)
  try {
    const { value: first } = await timed(`first version of ${name}`, async () => {
      await applyModel(cluster, canaryManifest(settings, quickRecipe('bench', { samples: 600 })))
      const model = await waitForCondition(cluster, name, { type: 'Promoted', status: 'True' }, IMPORT_SECONDS)
      return model.status?.stable?.version ?? ''
    })
    return await use({ cluster, settings, first })
  } finally {
    const model = await cluster.client.get(sentimentModels, cluster.namespace, name)
    const preconditions = { uid: model?.metadata.uid ?? '' }
    if (model) await cluster.client.delete(sentimentModels, cluster.namespace, name, { preconditions })
  }
}

/** Asks for the version of this maximal length, or the same one with other settings of the rollout; gives its name. */
export async function askFor(
  { cluster, settings, first }: BenchModel,
  maxLength: number,
  changes: Partial<CanaryModel> = {},
): Promise<string> {
  const { name } = settings
  const manifest = canaryManifest({ ...settings, ...changes }, weightsAgain(name, first, maxLength))
  const { metadata } = await applyModel(cluster, manifest)
  return eventually(`${name}: the operator has seen generation ${metadata.generation ?? 0}`, 60, async () => {
    const { status } = await getModel(cluster, name)
    const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
    assert(isSeen && status?.candidate !== undefined, () => JSON.stringify(status))
    return status.candidate.version
  })
}

/** Once more, even if the same was ordered before: an annotation that was carried out counts again after the operator has seen it gone. */
export async function order(model: BenchModel, verb: Verb, version: string): Promise<void> {
  const { cluster, settings } = model
  await annotate(model, verb, null)
  await eventually(`${settings.name}: the ${verb} before is over`, 60, async () => {
    const { commands = [] } = (await getModel(cluster, settings.name)).status ?? {}
    const isOver = commands.every((command) => command.verb !== verb || command.isOver === true)
    assert(isOver, () => JSON.stringify(commands))
  })
  await annotate(model, verb, version)
}

/** Lasts as long as it is asked for. */
export const pause = (model: BenchModel, version: string): Promise<void> => annotate(model, 'pause', version)
export const resume = (model: BenchModel): Promise<void> => annotate(model, 'pause', null)

async function annotate(
  { cluster, settings }: BenchModel,
  verb: Verb | 'pause',
  version: string | null,
): Promise<void> {
  const patch = { metadata: { annotations: { [`valence.dev/${verb}`]: version } } }
  await cluster.client.mergePatch(sentimentModels, cluster.namespace, settings.name, patch, { fieldManager: 'bench' })
}

export async function rolloutOf({ cluster, settings }: BenchModel, version: string): Promise<RolloutStatus> {
  const { status } = await getModel(cluster, settings.name)
  const rollout = status?.rollout
  assert(rollout?.version === version, () => JSON.stringify(status))
  return rollout
}

/** A step in force: every stable pod has confirmed its weight. */
export async function waitForStep(model: BenchModel, version: string, weight?: number): Promise<RolloutStatus> {
  return eventually(`${version}: a step at ${weight ?? 'any'} %`, IMPORT_SECONDS, async () => {
    const rollout = await rolloutOf(model, version)
    const isWanted = rollout.phase === 'Stepping' && (weight === undefined || rollout.weight === weight)
    assert(isWanted && rollout.weight > 0 && rollout.phaseSince !== undefined, () => JSON.stringify(rollout))
    return rollout
  })
}

export interface End {
  outcome: 'Promoted' | 'RolledBack' | 'Aborted' | 'Held'
  /** As one word: of the rollout that was given up, of what holds it, or of the promotion. */
  reason: string
  /** As a person reads it. */
  condition: string
}

/** How the rollout of the version that the spec asks for ended: promoted, given up, or held by the shadow. */
export async function waitForEnd({ cluster, settings: { name } }: BenchModel, seconds = IMPORT_SECONDS): Promise<End> {
  return eventually(`${name}: an end of the rollout`, seconds, async () => {
    const model = await getModel(cluster, name)
    const found = (type: string) => {
      const one = condition(model, type)
      return one?.observedGeneration === model.metadata.generation ? one : undefined
    }
    const [promoted, blocked] = [found('Promoted'), found('Blocked')]
    const isPromoted = promoted?.status === 'True'
    const givenUp = (['RolledBack', 'Aborted'] as const).find((one) => one === promoted?.reason)
    const isHeld = blocked?.status === 'True' && blocked.reason === 'ShadowDisagreement'
    const told = isHeld ? blocked : promoted
    const outcome = isHeld ? 'Held' : isPromoted ? 'Promoted' : givenUp
    assert(outcome !== undefined, () => JSON.stringify(model.status))
    const { rollout } = model.status ?? {}
    return {
      outcome,
      reason: (outcome === givenUp ? rollout?.reason : told?.reason) ?? '',
      condition: `${told?.type ?? ''}=${told?.status ?? ''} ${told?.reason ?? ''}: ${told?.message ?? ''}`,
    }
  })
}

export async function waitUntilGone({ cluster }: BenchModel, version: string): Promise<void> {
  await eventually(`the pods of ${version} are gone`, 180, async () => {
    const left = await cluster.client.get(deployments, cluster.namespace, version)
    assert(left === undefined, () => 'still there')
  })
}

export async function stableOf({ cluster, settings }: BenchModel): Promise<string> {
  const { status } = await getModel(cluster, settings.name)
  assert(status?.stable !== undefined, () => JSON.stringify(status))
  return status.stable.version
}

/** Those that are not on their way out. */
export async function servingPods({ cluster, settings }: BenchModel, version: string): Promise<Live<Pod>[]> {
  const labelSelector = Object.entries(servingSelector(settings.name, version))
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const { items } = await cluster.client.list(pods, { namespace: cluster.namespace, labelSelector })
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined)
}

export async function waitForReadyPods(
  model: BenchModel,
  version: string,
  count: number,
  seconds = 180,
): Promise<Live<Pod>[]> {
  return eventually(`${count} ready pods of ${version}`, seconds, async () => {
    const found = await servingPods(model, version)
    const ready = found.filter(isReady)
    assert(ready.length === count && found.length === count, () => `${ready.length} of ${found.length} pods are ready`)
    return ready
  })
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true

export async function deletePod({ cluster }: BenchModel, pod: Live<Pod>, gracePeriodSeconds?: number): Promise<void> {
  await cluster.client.delete(pods, cluster.namespace, pod.metadata.name, {
    preconditions: { uid: pod.metadata.uid },
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
  })
}

export async function evidenceOf({ cluster }: BenchModel, pod: Live<Pod>): Promise<Evidence> {
  const answer = await cluster.call({ kind: 'pods', name: pod.metadata.name, port: PORTS.metrics }, EVIDENCE_PATH)
  assert(answer.status === 200, () => `${pod.metadata.name}: ${answer.status} ${answer.text}`)
  return evidence.parse(answer.body)
}
