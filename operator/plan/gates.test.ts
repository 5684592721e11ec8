import { describe, expect, test } from 'vitest'
import type { EvaluationSummary } from '../../contract/termination.ts'
import { decimal, gatesOf, judge, verdictText } from './gates.ts'
import { modelOf, summaryOf } from './testing/factories.ts'

const gatesWith = (change: object = {}) => modelOf({ gates: change }).spec.gates
const judged = (
  summary: Partial<EvaluationSummary> = {},
  gates: object = {},
  wanted: 'auto' | 'int8' | 'fp32' = 'auto',
) => judge(summaryOf(summary), gatesWith(gates), wanted)
const missed = (verdict: ReturnType<typeof judge>) =>
  verdict.gates.filter((gate) => !gate.passed).map((gate) => `${gate.name}: ${gate.wanted}, ${gate.measured}`)

const parity = summaryOf().parity
const withoutRows = { rows: 0, fp32: undefined, int8: undefined }

test('a good model is accepted and served in int8, with each gate on record', () => {
  expect(judged({}, { minAccuracy: 0.86, minMacroF1: 0.8 })).toEqual({
    accepted: true,
    precision: 'int8',
    gates: [
      { name: 'parity.tokenMismatches', wanted: '<= 0', measured: '0', passed: true },
      { name: 'parity.maxLogitDifference', wanted: '<= 0.001', measured: '1.0e-5', passed: true },
      { name: 'parity.minLabelAgreement', wanted: '>= 0.995', measured: '1', passed: true },
      { name: 'int8.minLabelAgreement', wanted: '>= 0.98', measured: '0.99', passed: true },
      { name: 'int8.maxAccuracyDrop', wanted: '<= 0.005', measured: '0.002', passed: true },
      { name: 'minAccuracy', wanted: '>= 0.86', measured: '0.888', passed: true },
      { name: 'minMacroF1', wanted: '>= 0.8', measured: '0.879', passed: true },
    ],
    missed: [],
    int8Missed: [],
  })
})

describe('each gate rejects by itself', () => {
  test.each<[string, Partial<EvaluationSummary>, object, string]>([
    ['token ids', { parity: { ...parity, tokenMismatches: 1 } }, {}, 'parity.tokenMismatches: <= 0, 1'],
    ['logits', { parity: { ...parity, maxLogitDifference: 0.2 } }, {}, 'parity.maxLogitDifference: <= 0.001, 0.2'],
    ['labels', { parity: { ...parity, labelAgreement: 0.99 } }, {}, 'parity.minLabelAgreement: >= 0.995, 0.99'],
    ['accuracy', {}, { minAccuracy: 0.9 }, 'minAccuracy: >= 0.9, 0.888'],
    ['macro F1', {}, { minMacroF1: 0.9 }, 'minMacroF1: >= 0.9, 0.879'],
  ])('%s', (_, summary, gates, expected) => {
    const verdict = judged(summary, gates)
    expect(verdict.accepted).toBe(false)
    expect(missed(verdict)).toEqual([expected])
  })
})

test('a bound that is just kept passes', () => {
  expect(judged({}, { minAccuracy: 0.888, minMacroF1: 0.879 }).accepted).toBe(true)
  // 0.89 - 0.885 is 0.0050000000000000044 in binary.
  expect(judged({ int8: { accuracy: 0.885, macroF1: 0.8 } }).precision).toBe('int8')
  expect(judged({ int8: { accuracy: 0.8849, macroF1: 0.8 } }).precision).toBe('fp32')
})

test('auto serves fp32 where int8 misses a gate, and is judged on what it serves', () => {
  const int8 = { accuracy: 0.8, macroF1: 0.8 }
  const verdict = judged({ int8 }, { minAccuracy: 0.86 })
  expect(verdict).toMatchObject({ accepted: true, precision: 'fp32' })
  expect(missed(verdict)).toEqual(['int8.maxAccuracyDrop: <= 0.005, 0.09'])
  expect(judged({ int8Agreement: { labelAgreement: 0.97, maxLogitDifference: 1 } })).toMatchObject({
    accepted: true,
    precision: 'fp32',
  })
})

test('who insists on int8 gets it or a rejection', () => {
  expect(judged({}, {}, 'int8')).toMatchObject({ accepted: true, precision: 'int8' })
  expect(judged({ int8: { accuracy: 0.8, macroF1: 0.8 } }, {}, 'int8')).toMatchObject({
    accepted: false,
    precision: 'int8',
  })
})

test('who insists on fp32 gets it, and the floors are of fp32', () => {
  expect(judged({}, { minAccuracy: 0.89 }, 'fp32')).toMatchObject({ accepted: true, precision: 'fp32' })
  expect(judged({}, { minAccuracy: 0.89 }, 'auto')).toMatchObject({ accepted: false, precision: 'int8' })
})

test('a floor without rows to measure on is missed: no data is never a pass', () => {
  const verdict = judged(withoutRows, { minAccuracy: 0.1 })
  expect(verdict.accepted).toBe(false)
  expect(missed(verdict)).toEqual(['minAccuracy: >= 0.1, no evaluation rows'])
})

test('without rows and without floors parity and agreement decide', () => {
  const verdict = judged(withoutRows)
  expect(verdict).toMatchObject({ accepted: true, precision: 'int8' })
  expect(verdict.gates.map((gate) => gate.name)).not.toContain('int8.maxAccuracyDrop')
})

test('in mode Observe nothing is rejected, and what was missed is on record', () => {
  const verdict = judged({ parity: { ...parity, tokenMismatches: 3 } }, { mode: 'Observe', minAccuracy: 0.99 })
  expect(verdict.accepted).toBe(true)
  expect(missed(verdict)).toEqual(['parity.tokenMismatches: <= 0, 3', 'minAccuracy: >= 0.99, 0.888'])
})

describe('alone against batched', () => {
  const batched = (fp32: number, int8: number) => ({
    batched: { texts: 300, fp32: { maxScoreChange: fp32 }, int8: { maxScoreChange: int8 } },
  })

  test('an int8 whose answers depend on the batch is passed over by auto, and fp32 is judged by its own bound', () => {
    const verdict = judged(batched(1e-7, 0.4))
    expect(verdict).toMatchObject({ accepted: true, precision: 'fp32' })
    expect(missed(verdict)).toEqual(['int8.maxBatchScoreChange: <= 0.001, 0.4'])
    expect(verdict.gates).toContainEqual({
      name: 'parity.maxBatchScoreChange',
      wanted: '<= 0.001',
      measured: '1.0e-7',
      passed: true,
    })
  })

  test('who insists on it is rejected', () => {
    const verdict = judged(batched(1e-7, 0.4), {}, 'int8')
    expect(verdict.accepted).toBe(false)
    expect(verdictText(verdict, summaryOf())).toBe('int8.maxBatchScoreChange: wanted <= 0.001, measured 0.4')
  })

  test('fp32 is judged where it serves, and nowhere else', () => {
    expect(missed(judged(batched(0.4, 0)))).toEqual([])
    const verdict = judged(batched(0.4, 0), {}, 'fp32')
    expect(verdict.accepted).toBe(false)
    expect(verdictText(verdict, summaryOf())).toBe('parity.maxBatchScoreChange: wanted <= 0.001, measured 0.4')
  })

  test('each has a bound of its own', () => {
    const change = { parity: { maxBatchScoreChange: 0 }, int8: { maxBatchScoreChange: 0.5 } }
    expect(judged(batched(1e-7, 0.4), change)).toMatchObject({ accepted: true, precision: 'int8' })
    expect(judged(batched(1e-7, 0.4), change, 'fp32').accepted).toBe(false)
  })
})

describe('what a run costs', () => {
  const cost = (fp32Milliseconds: number, int8Milliseconds: number) => ({
    cost: { tokens: 27, fp32Milliseconds, int8Milliseconds },
  })

  test('auto serves the faster one, and says what it went by', () => {
    const fast = judged(cost(8.204, 3.635))
    expect(fast.precision).toBe('int8')
    expect(fast.gates).toContainEqual({
      name: 'int8.cost',
      wanted: '<= 8.204 ms, the CPU time of fp32',
      measured: '3.635 ms for 27 tokens',
      passed: true,
    })
    expect(judged(cost(5, 5)).precision).toBe('int8')
    const slow = judged(cost(5, 6))
    expect(slow).toMatchObject({ accepted: true, precision: 'fp32' })
    expect(verdictText(slow, summaryOf())).toBe(
      'accuracy 0.89, macro F1 0.88 on 1000 rows, served as fp32 and not as int8, which misses int8.cost: ' +
        'wanted <= 5 ms, the CPU time of fp32, measured 6 ms for 27 tokens',
    )
  })

  test('who names a precision gets it, whatever it costs, with the cost on record', () => {
    for (const wanted of ['int8', 'fp32'] as const) {
      const verdict = judged(cost(5, 6), {}, wanted)
      expect(verdict).toMatchObject({ accepted: true, precision: wanted })
      expect(missed(verdict)).toEqual(['int8.cost: <= 5 ms, the CPU time of fp32, 6 ms for 27 tokens'])
      expect(verdictText(verdict, summaryOf())).toMatch(new RegExp(`served as ${wanted}$`))
    }
  })
})

describe('the largest score change of int8', () => {
  const changed = (maxScoreDifference?: number) => ({
    int8Agreement: { ...summaryOf().int8Agreement, ...(maxScoreDifference !== undefined && { maxScoreDifference }) },
  })

  test('is judged by the bound that somebody has set', () => {
    expect(judged(changed(0.3)).precision).toBe('int8')
    expect(judged(changed(0.08), { int8: { maxScoreChange: 0.1 } }).precision).toBe('int8')
    expect(missed(judged(changed(0.3), { int8: { maxScoreChange: 0.1 } }))).toEqual([
      'int8.maxScoreChange: <= 0.1, 0.3',
    ])
  })

  test('that was not measured keeps no bound', () => {
    const gates = { int8: { maxScoreChange: 0.1 } }
    expect(judged(changed(), gates)).toMatchObject({ accepted: true, precision: 'fp32' })
    expect(verdictText(judged(changed(), gates, 'int8'), summaryOf())).toBe(
      'int8.maxScoreChange: wanted <= 0.1, measured nothing: its evaluator was older than this bound',
    )
  })
})

test('what an older evaluator has left is judged as it was then', () => {
  const names = judged().gates.map(({ name }) => name)
  expect(names).not.toContain('int8.cost')
  expect(names.filter((name) => name.endsWith('maxBatchScoreChange'))).toEqual([])
})

describe('the verdict in words', () => {
  const text = (summary: Partial<EvaluationSummary>, gates: object, wanted: 'auto' | 'int8' = 'auto') =>
    verdictText(judged(summary, gates, wanted), summaryOf(summary))

  test('of an accepted version: what was reached and what is served', () => {
    expect(text({}, {})).toBe('accuracy 0.888, macro F1 0.879 on 1000 rows, served as int8')
    expect(text(withoutRows as never, {})).toBe('no evaluation rows, served as int8')
  })

  test('of a rejected version: each missed gate with its numbers', () => {
    expect(text({ parity: { ...parity, tokenMismatches: 2 } }, { minAccuracy: 0.95 })).toBe(
      'parity.tokenMismatches: wanted <= 0, measured 2; minAccuracy: wanted >= 0.95, measured 0.888',
    )
    expect(text({ int8: { accuracy: 0.8, macroF1: 0.8 } }, {}, 'int8')).toBe(
      'int8.maxAccuracyDrop: wanted <= 0.005, measured 0.09',
    )
  })

  test('of a version rejected in fp32 int8 is not blamed, because fp32 was to serve', () => {
    expect(text({ int8: { accuracy: 0.8, macroF1: 0.8 } }, { minAccuracy: 0.95 })).toBe(
      'minAccuracy: wanted >= 0.95, measured 0.89',
    )
  })
})

test('a number has four decimals, unless that would round a difference away', () => {
  expect([0, 1, 0.88888, -0.25, 0.00004, 0.0012].map(decimal)).toEqual([
    '0',
    '1',
    '0.8889',
    '-0.25',
    '4.0e-5',
    '0.0012',
  ])
})

test('a baseline is judged on its fidelity, never on its quality', () => {
  const gates = gatesOf({ role: 'baseline' }, gatesWith({ minAccuracy: 0.99, minMacroF1: 0.99 }))
  const { fp32: _fp32, int8: _int8, ...withoutRows } = summaryOf({ rows: 0 })
  expect(judge(withoutRows, gates, 'auto').accepted).toBe(true)
  const unfaithful = summaryOf({ parity: { texts: 10, tokenMismatches: 1, maxLogitDifference: 0, labelAgreement: 1 } })
  expect(judge(unfaithful, gates, 'auto').accepted).toBe(false)
})
