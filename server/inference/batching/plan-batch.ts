/** Which of the waiting texts share a run: pure, so that its bounds can be proved by tests. */
import type { CostModel } from './cost-model.ts'

export interface BatchRules {
  /** rows * longest row: bounds the memory and the time of a run. A single text may be longer. */
  maxPaddedTokens: number
  /** tokens / (rows * longest row), at least: padding is computed like text. */
  minEfficiency: number
  maxRows: number
  /** Only the first so many that wait are looked at: nobody is overtaken by anyone who came later than that. */
  window: number
}

export const BATCH_RULES: BatchRules = { maxPaddedTokens: 512, minEfficiency: 0.85, maxRows: 16, window: 64 }

/** A gain below is that of noise, or of rounding. */
const WORTHWHILE = 0.98

/**
 * The oldest text always runs, so nothing starves; others join it only when their length is near, nearest first and of one length in the
 * order they came, and only as many as make the run cheapest for each of its tokens. There is no timer: on a CPU, waiting for company costs more than
 * it brings.
 *
 * `lengths` are those of the texts that wait, oldest first, in tokens. `share` is how many of all that wait fall to one idle worker:
 * a run of eight texts is slower than two workers with four each. Gives indices into `lengths`, the oldest first, ascending.
 *
 * With costs of 2 ms for one row of 16 tokens, 3.4 ms for two and 9 ms for four of 24: lengths [16, 15, 24] give [0, 1], since 3.4 / 31 is less
 * than 2 / 16, and 24 is too long: 2 * 16 of 24 tokens leave an efficiency below 0.85.
 */
export function planBatch(
  lengths: readonly number[],
  cost: CostModel,
  share: number,
  rules: BatchRules = BATCH_RULES,
): number[] {
  const anchor = lengths[0]
  if (anchor === undefined) return []
  const mostRows = Math.min(rules.maxRows, share)
  if (mostRows <= 1) return [0]

  const neighbours: { index: number; length: number }[] = []
  const end = Math.min(lengths.length, rules.window)
  for (let index = 1; index < end; index++) {
    const length = lengths[index] ?? 0
    if (Math.min(length, anchor) >= rules.minEfficiency * Math.max(length, anchor)) neighbours.push({ index, length })
  }
  neighbours.sort((a, b) => Math.abs(a.length - anchor) - Math.abs(b.length - anchor) || a.index - b.index)

  const rows = [0]
  let [longest, tokens] = [anchor, anchor]
  let best = { rows: 1, costPerToken: cost.seconds({ rows: 1, length: anchor }) / anchor }
  for (const { index, length } of neighbours) {
    if (rows.length === mostRows) break
    const padded = (rows.length + 1) * Math.max(longest, length)
    if (padded > rules.maxPaddedTokens || tokens + length < rules.minEfficiency * padded) continue
    rows.push(index)
    longest = Math.max(longest, length)
    tokens += length
    const costPerToken = cost.seconds({ rows: rows.length, length: longest }) / tokens
    if (costPerToken < WORTHWHILE * best.costPerToken) best = { rows: rows.length, costPerToken }
  }
  return rows.slice(0, best.rows).sort((a, b) => a - b)
}
