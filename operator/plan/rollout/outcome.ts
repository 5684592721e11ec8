import type { RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import type { SentimentModelStatus } from '../../api/v1alpha1/sentiment-model.ts'

export interface Outcome {
  outcome: 'Promoted' | 'RolledBack' | 'Aborted' | 'Superseded'
  reason: string
  rollout: RolloutStatus
}

/** How the rollout that `before` has under way ended with `after`; undefined where it did not. */
export function endOfRollout(
  before: SentimentModelStatus | undefined,
  after: SentimentModelStatus,
): Outcome | undefined {
  const rollout = before?.rollout
  if (!rollout || rollout.endedAt !== undefined) return undefined
  const ended = after.rollout
  if (ended?.endedAt !== undefined && ended.version === rollout.version)
    return { outcome: ended.phase as Exclude<Outcome['outcome'], 'Promoted'>, reason: ended.reason, rollout: ended }
  if (after.stable?.version !== rollout.version) return undefined
  return { outcome: 'Promoted', reason: after.promotions?.at(-1)?.reason ?? rollout.reason, rollout }
}
