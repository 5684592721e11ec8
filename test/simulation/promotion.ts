/**
 * Error rates of the promotion rule, by simulated rollouts that the operator's own judge decides:
 *   npm run simulate:promotion -- [--runs 10000] [--seed 1] [--json <file>]
 * The table is the one in docs/design/promotion.md. Each case has a generator of its own, so that a case more or less leaves the others
 * as they are.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CASES, isPromotionFalse, isRollbackFalse, type Case } from './cases.ts'
import { randomFrom } from './random.ts'
import { simulate, type Rule } from './rollout.ts'
import { evidenceRule, thresholdRule } from './rules.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
})
const runs = wholeNumber('--runs', values.runs, 1)
const seed = wholeNumber('--seed', values.seed, 0)

const header = [
  'Case: stable and candidate',
  'False rollback',
  'False promotion',
  'Promoted',
  'Held',
  'Median requests',
]
const results = CASES.map((subject) => ({
  subject,
  ours: measure(subject, evidenceRule),
  threshold: measure(subject, thresholdRule),
}))
print(
  [...header, 'Threshold: false rollback', 'Threshold: false promotion'],
  results.map(({ subject, ours, threshold }) => [
    subject.name,
    isRollbackFalse(subject) ? percent(ours.rolledBack) : '',
    isPromotionFalse(subject) ? percent(ours.promoted) : '',
    percent(ours.promoted),
    percent(ours.held),
    String(ours.medianRequests),
    isRollbackFalse(subject) ? percent(threshold.rolledBack) : '',
    isPromotionFalse(subject) ? percent(threshold.promoted) : '',
  ]),
)
if (values.json !== undefined) {
  const rows = results.map(({ subject, ours }) => ({
    case: subject.name,
    falseRollback: isRollbackFalse(subject) ? ours.rolledBack : null,
    falsePromotion: isPromotionFalse(subject) ? ours.promoted : null,
    medianRequests: ours.medianRequests,
  }))
  writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
}

function measure(subject: Case, newRule: () => Rule) {
  const random = randomFrom(seed)
  const outcomes = Array.from({ length: runs }, () => simulate(subject, newRule(), random))
  const shareOf = (end: string) => outcomes.filter((outcome) => outcome.end === end).length / runs
  const requests = outcomes.map((outcome) => outcome.requests).toSorted((a, b) => a - b)
  return {
    rolledBack: shareOf('RolledBack'),
    promoted: shareOf('Promoted'),
    held: shareOf('Held'),
    medianRequests: requests[Math.floor(runs / 2)] ?? 0,
  }
}

function print(columns: readonly string[], rows: readonly string[][]): void {
  const widths = columns.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  console.log([line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n'))
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${option} ${text}: a whole number of at least ${least} is wanted`)
  return value
}
