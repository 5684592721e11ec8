import type { RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import type { Blocked } from '../blocked.ts'
import type { Lagging } from './evidence.ts'
import type { RolloutInput } from './rollout-input.ts'
import { SHADOW_REASONS } from './shadow-verdict.ts'

/** A pod that does not take up a routing file within this time is named. */
const LAG_PATIENCE_MS = 10_000

/** What a rollout under way waits for, where somebody may have to do something about it. */
export function culprit(record: RolloutStatus, lagging: readonly Lagging[], input: RolloutInput, now: number) {
  const model = (reason: Blocked['reason'], message: string): Blocked => ({
    reason,
    object: `ModelVersion/${record.version}`,
    message,
  })
  const [first] = lagging
  const since = Date.parse(input.before?.routing?.since ?? '')
  if (first && now - since > LAG_PATIENCE_MS)
    return { reason: 'RoutingUnconfirmed', object: `Pod/${first.pod}`, message: first.message } satisfies Blocked
  if (record.observed?.isVerified === false) {
    const { weight, low, high, requests } = record.observed
    return model(
      'SplitUnverified',
      `${weight} % of ${requests} requests (99.9 %: ${low} to ${high}) where ${record.weight} % is wanted; no promotion until it fits`,
    )
  }
  if (record.shadow?.reason === SHADOW_REASONS.disagrees)
    return model('ShadowDisagreement', record.shadow.message ?? '')
  if (record.phase === 'Rehearsing' && record.rehearsal && !record.rehearsal.isPassed)
    return model('RehearsalFailed', record.rehearsal.message)
  return undefined
}
