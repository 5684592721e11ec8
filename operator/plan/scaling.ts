/**
 * How many pods a version with all of the traffic has, and below what autoscaling must not go for now. An autoscaler measures the stable
 * version's pods. In a rollout it sees only their share of the traffic and would take the pods away that a rollback needs; so from
 * its start, and for a while after its end, the size of then is the least. The bound is given to the autoscaler itself:
 * if only its result were corrected, it would go on computing with a number of pods that there are not.
 */
import type { Autoscaling } from '../api/v1alpha1/autoscaling.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import { isoTime } from './conditions.ts'
import type { ModelObserved } from './model-observed.ts'
import { isEnded } from './rollout/rollout.ts'
import type { RolloutPlan } from './rollout/rollout-input.ts'

/** Until an autoscaler has seen all of the traffic: what it scales down by reaches back five minutes by default. */
const HOLD_AFTER_MS = 300_000

type Scaling = NonNullable<SentimentModelStatus['scaling']>

/** Pods of a version that has all of the traffic. */
export function fullReplicas({ model, stable, serving }: ModelObserved, now: number): number {
  const { replicas, autoscaling } = model.spec.serving
  if (!autoscaling || replicas === 0) return replicas
  const { scaling } = model.status ?? {}
  // Autoscaling has just been asked for, and `replicas` taken out of the manifest, so that it is back to its default.
  const present = scaling ? 0 : (serving.find(({ version }) => version === stable)?.replicas ?? 0)
  const held = isOver(scaling?.held, now) ? 0 : (scaling?.held?.replicas ?? 0)
  return Math.min(autoscaling.maxReplicas, Math.max(autoscaling.minReplicas, replicas, held, present))
}

/** What the status says of it; undefined where nothing is scaled: no autoscaling, or no version that answers. */
export function planScaling(
  { model }: ModelObserved,
  rollout: RolloutPlan,
  full: number,
  now: number,
): Scaling | undefined {
  const { autoscaling } = model.spec.serving
  if (!autoscaling || rollout.stable === undefined) return undefined
  const held = planHeld(model.status?.scaling, autoscaling, { rollout, full, asked: model.spec.serving.replicas }, now)
  return { autoscaler: model.metadata.name, replicas: full, ...(held && { held }) }
}

function planHeld(
  before: Scaling | undefined,
  { minReplicas }: Autoscaling,
  { rollout, full, asked }: { rollout: RolloutPlan; full: number; asked: number },
  now: number,
): Scaling['held'] {
  if (full === 0) return undefined
  const untilThen = { replicas: full, until: isoTime(now + HOLD_AFTER_MS) }
  if (rollout.status && !isEnded(rollout.status)) return { replicas: full }
  // The new version's pods have no past that could be measured.
  if (rollout.promotion?.from !== undefined) return untilThen
  if (!before) return full > Math.max(minReplicas, asked) ? untilThen : undefined
  if (before.held && before.held.until === undefined) return untilThen
  return isOver(before.held, now) ? undefined : before.held
}

const isOver = (held: Scaling['held'], now: number) => held?.until !== undefined && Date.parse(held.until) <= now

/** As the HorizontalPodAutoscaler is to have it. */
export const boundedAutoscaling = (autoscaling: Autoscaling, { held }: Scaling): Autoscaling => ({
  ...autoscaling,
  minReplicas: Math.min(autoscaling.maxReplicas, Math.max(autoscaling.minReplicas, held?.replicas ?? 0)),
})
