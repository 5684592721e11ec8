/** What is timed at the start of a pod, so that batches are made where they pay on this CPU and with this model. */
import type { Shape } from './cost-model.ts'
import type { BatchRules } from './plan-batch.ts'

/** CPU time of all runs together: a start is not held up for longer. */
export const CALIBRATION_BUDGET_MS = 400

const LENGTHS = [8, 32, 128]
/** Between them the cost is interpolated: a round over all shapes has to fit into the budget more than once. */
const ROWS = [1, 4, 16]

/** The cheap ones first, which are those that a budget reaches in any case; the longest text that there can be is the last. */
export function calibrationShapes(maxLength: number, rules: BatchRules): Shape[] {
  const lengths = [...LENGTHS.filter((length) => length < maxLength), maxLength]
  return lengths
    .flatMap((length) => ROWS.map((rows) => ({ rows, length })))
    .filter(({ rows, length }) => rows === 1 || (rows <= rules.maxRows && rows * length <= rules.maxPaddedTokens))
    .sort((a, b) => a.rows * a.length - b.rows * b.length)
}
