import { expect, test } from 'vitest'
import type { EvaluationSummary } from '../../contract/termination.ts'
import { servedPrecision } from './precision.ts'
import { acceptedStatus, modelOf, summaryOf, versionOf } from './testing/factories.ts'

/** Of a version that auto has accepted in fp32. */
function served(summary: Partial<EvaluationSummary>, precision: 'auto' | 'int8' | 'fp32') {
  const model = modelOf({ serving: { precision } })
  const evaluation = { report: 'evaluation-1.json', ...summaryOf(summary) }
  return servedPrecision(versionOf(model, acceptedStatus({ precision: 'fp32', evaluation })), model.spec)
}

const slow = { cost: { tokens: 27, fp32Milliseconds: 5, int8Milliseconds: 6 } }
const dependent = { batched: { texts: 300, fp32: { maxScoreChange: 0 }, int8: { maxScoreChange: 0.4 } } }

test('who asks for int8 of a version that auto serves in fp32 gets it where only its cost spoke against it', () => {
  expect(served(slow, 'auto')).toBe('fp32')
  expect(served(slow, 'int8')).toBe('int8')
  expect(served(slow, 'fp32')).toBe('fp32')
})

test('and goes on with fp32 where a bound does', () => {
  expect(served(dependent, 'int8')).toBe('fp32')
})
