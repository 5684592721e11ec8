import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import type { Precision } from '../api/v1alpha1/serving.ts'
import { gatesOf, judge } from './gates.ts'

/** What the spec wants where the version keeps the gates in it, otherwise what the gates chose at acceptance. */
export function servedPrecision(version: ModelVersion, spec: SentimentModelSpec): Precision {
  const chosen = version.status?.precision ?? 'fp32'
  const evaluation = version.status?.evaluation
  if (spec.serving.precision === 'fp32') return 'fp32'
  if (spec.serving.precision === 'auto' || !evaluation) return chosen
  const verdict = judge(evaluation, gatesOf(version.spec, spec.gates), spec.serving.precision)
  return verdict.accepted ? verdict.precision : chosen
}
