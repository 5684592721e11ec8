import type { Rollout, RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { chanceOfAtLeast } from './binomial.ts'

const ALPHA = 0.001

/** Exact test of "it fails no more than tolerable": a failed request is at least one text, so this errs on the side of passing. */
export function isFailingInShadow({ shadow }: RolloutStatus, { analysis }: Rollout): boolean {
  if (!shadow || shadow.failures === 0) return false
  const asked = shadow.samples + shadow.failures
  return chanceOfAtLeast(shadow.failures, asked, analysis.tolerableFailureRate) < ALPHA
}
