/** The rules that are compared. Each is made anew for a rollout, as the second has a memory. */
import { judge } from '../../operator/plan/rollout/verdict.ts'
import { ANALYSIS } from './cases.ts'
import type { Rule } from './rollout.ts'

/** Requests of the candidate before an earlier step may end. */
const STEP_MIN_REQUESTS = 100
const LAST_STEP = 4

/** docs/design/promotion.md: earlier steps need no harm and some requests, the last one needs Pass. */
export function evidenceRule(): Rule {
  return (steps) => {
    const { verdict } = judge(steps, ANALYSIS)
    if (verdict === 'RollBack') return 'RollBack'
    const requests = steps.at(-1)?.candidate.requests ?? 0
    const isDone = steps.length === LAST_STEP ? verdict === 'Pass' : requests >= STEP_MIN_REQUESTS
    return isDone ? 'NextStep' : 'Continue'
  }
}

const SUCCESS_FLOOR = 1 - ANALYSIS.tolerableFailureRate
const FAILED_WINDOWS = 3
const STEP_WINDOWS = 5

/**
 * What canary controllers do with the metrics of a mesh: each window's success rate of the candidate is held against a floor (99 %), the
 * third window below it rolls back (failureLimit of Argo Rollouts, threshold of Flagger), and a step ends after a fixed time (five
 * windows).
 */
export function thresholdRule(): Rule {
  let failedWindows = 0
  let [step, age] = [0, 0]
  return (steps, { candidate }) => {
    if (steps.length !== step) [step, age] = [steps.length, 0]
    age++
    if (1 - candidate.failures / candidate.requests < SUCCESS_FLOOR) failedWindows++
    if (failedWindows >= FAILED_WINDOWS) return 'RollBack'
    return age >= STEP_WINDOWS ? 'NextStep' : 'Continue'
  }
}
