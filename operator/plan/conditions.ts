import type { Condition } from '../api/v1alpha1/condition.ts'

export type ConditionStatus = 'True' | 'False' | 'Unknown'

export interface ConditionFact {
  type: string
  status: ConditionStatus
  /** CamelCase, for programs. */
  reason: string
  /** A sentence, for people. */
  message: string
}

/** The longest message that stays readable in `kubectl describe`; conditions hold causes, not logs. */
const MESSAGE_LIMIT = 1024

/** `lastTransitionTime` moves only when the status flips; `observedGeneration` is always that of the spec just judged. */
export function mergeConditions(
  before: readonly Condition[],
  facts: readonly ConditionFact[],
  observedGeneration: number,
  now: number,
): Condition[] {
  return facts.map((fact) => {
    const old = before.find((condition) => condition.type === fact.type)
    const lastTransitionTime = old && old.status === fact.status ? old.lastTransitionTime : isoTime(now)
    return { ...fact, message: clip(fact.message), observedGeneration, lastTransitionTime }
  })
}

/** RFC 3339 with seconds, as the API server writes times. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

export function clip(text: string, limit = MESSAGE_LIMIT): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}

/** To four decimals: what a printed column and a person have use for. */
export const rounded = (ratio: number) => Math.round(ratio * 1e4) / 1e4
