/** Judges a version by its evaluation. The evaluator measures; this decides. */
import type { EvaluationSummary } from '../../contract/termination.ts'
import type { Gates } from '../api/v1alpha1/gates.ts'
import type { GateResult, ModelVersionSpec } from '../api/v1alpha1/model-version.ts'
import type { Precision, Serving } from '../api/v1alpha1/serving.ts'

/** What gates need of an evaluation. */
export type Measured = Pick<EvaluationSummary, 'parity' | 'rows' | 'int8Agreement' | 'batched' | 'cost'> & {
  fp32?: Quality | undefined
  int8?: Quality | undefined
}

interface Quality {
  accuracy: number
  macroF1: number
}

export interface Verdict {
  accepted: boolean
  /** What pods are to serve: int8 where it keeps its gates and is not the slower one, unless the spec says otherwise. */
  precision: Precision
  gates: GateResult[]
  /** The gates that speak against it: not int8's own where fp32 serves. */
  missed: GateResult[]
  /** Why `auto` does not serve int8. */
  int8Missed: GateResult[]
}

/**
 * A version is accepted when every gate passes on the precision that would be served. int8's own gates decide between the
 * precisions for `auto`; they reject a version only where the spec insists on int8, and `int8.cost` not even there: who insists
 * may have faster CPUs than the evaluator's. In mode Observe nothing is rejected, but what failed is still in the record.
 *
 * What an older evaluator did not measure is not judged, but for a bound that somebody has set.
 */
export function judge(summary: Measured, gates: Gates, wanted: Serving['precision']): Verdict {
  const int8Gates = [...judgeInt8(summary, gates), ...judgeCost(summary)]
  const precision = choosePrecision(int8Gates, wanted)
  const served = precision === 'int8' ? summary.int8 : summary.fp32

  const results = [
    ...judgeParity(summary, gates, precision),
    ...int8Gates,
    ...floor('minAccuracy', gates.minAccuracy, served?.accuracy),
    ...floor('minMacroF1', gates.minMacroF1, served?.macroF1),
  ]
  const decides = ({ name }: GateResult) => (wanted === 'int8' ? name !== INT8_COST : !name.startsWith('int8.'))
  const missed = results.filter((gate) => !gate.passed && decides(gate))
  const int8Missed = wanted === 'auto' ? int8Gates.filter((gate) => !gate.passed) : []
  return { accepted: gates.mode === 'Observe' || missed.length === 0, precision, gates: results, missed, int8Missed }
}

/** A baseline is there to be beaten: its quality is measured, but only its fidelity is judged. */
export function gatesOf({ role }: Pick<ModelVersionSpec, 'role'>, gates: Gates): Gates {
  if (role !== 'baseline') return gates
  const { minAccuracy: _accuracy, minMacroF1: _macroF1, ...fidelity } = gates
  return fidelity
}

/** One line for a condition: the gates that failed with their numbers, or what was reached. */
export function verdictText(verdict: Verdict, summary: Measured): string {
  if (!verdict.accepted) return figuresOf(verdict.missed)
  const served = verdict.precision === 'int8' ? summary.int8 : summary.fp32
  const quality = served
    ? `accuracy ${decimal(served.accuracy)}, macro F1 ${decimal(served.macroF1)} on ${summary.rows} rows`
    : 'no evaluation rows'
  const why = verdict.int8Missed.length === 0 ? '' : ` and not as int8, which misses ${figuresOf(verdict.int8Missed)}`
  return `${quality}, served as ${verdict.precision}${why}`
}

const figuresOf = (gates: readonly GateResult[]): string =>
  gates.map((gate) => `${gate.name}: wanted ${gate.wanted}, measured ${gate.measured}`).join('; ')

function choosePrecision(int8Gates: readonly GateResult[], wanted: Serving['precision']): Precision {
  if (wanted !== 'auto') return wanted
  return int8Gates.every((gate) => gate.passed) ? 'int8' : 'fp32'
}

function judgeParity({ parity, batched }: Measured, gates: Gates, served: Precision): GateResult[] {
  const results = [
    atMost('parity.tokenMismatches', 0, parity.tokenMismatches),
    atMost('parity.maxLogitDifference', gates.parity.maxLogitDifference, parity.maxLogitDifference),
    atLeast('parity.minLabelAgreement', gates.parity.minLabelAgreement, parity.labelAgreement),
  ]
  // int8 has a bound of its own: what fp32 would do in company is nobody's affair where it does not serve.
  if (batched && served === 'fp32') {
    const { maxBatchScoreChange } = gates.parity
    results.push(atMost('parity.maxBatchScoreChange', maxBatchScoreChange, batched.fp32.maxScoreChange))
  }
  return results
}

function judgeInt8({ int8, fp32, int8Agreement, batched }: Measured, gates: Gates): GateResult[] {
  const { maxScoreChange, maxBatchScoreChange } = gates.int8
  const results = [atLeast('int8.minLabelAgreement', gates.int8.minLabelAgreement, int8Agreement.labelAgreement)]
  if (int8 && fp32)
    results.push(atMost('int8.maxAccuracyDrop', gates.int8.maxAccuracyDrop, difference(fp32.accuracy, int8.accuracy)))
  results.push(...ceiling('int8.maxScoreChange', maxScoreChange, int8Agreement.maxScoreDifference))
  if (batched) results.push(atMost('int8.maxBatchScoreChange', maxBatchScoreChange, batched.int8.maxScoreChange))
  return results
}

const INT8_COST = 'int8.cost'

/** No bound of the spec: int8 is served to be faster, so where it is not it has nothing for it. */
function judgeCost({ cost }: Measured): GateResult[] {
  if (!cost) return []
  const { tokens, fp32Milliseconds, int8Milliseconds } = cost
  return [
    {
      name: INT8_COST,
      wanted: `<= ${decimal(fp32Milliseconds)} ms, the CPU time of fp32`,
      measured: `${decimal(int8Milliseconds)} ms for ${tokens} tokens`,
      passed: int8Milliseconds <= fp32Milliseconds,
    },
  ]
}

/** Without the noise of binary fractions: 0.89 - 0.885 is 0.005, which keeps a bound of 0.005. */
const difference = (a: number, b: number) => Number((a - b).toFixed(12))

/** A floor without a measurement fails: no data is never a pass. */
function floor(name: string, wanted: number | undefined, measured: number | undefined): GateResult[] {
  if (wanted === undefined) return []
  if (measured === undefined) return [{ name, wanted: `>= ${wanted}`, measured: 'no evaluation rows', passed: false }]
  return [atLeast(name, wanted, measured)]
}

/** So does a ceiling. */
function ceiling(name: string, wanted: number | undefined, measured: number | undefined): GateResult[] {
  if (wanted === undefined) return []
  if (measured !== undefined) return [atMost(name, wanted, measured)]
  return [{ name, wanted: `<= ${wanted}`, measured: 'nothing: its evaluator was older than this bound', passed: false }]
}

const atLeast = (name: string, wanted: number, measured: number): GateResult => ({
  name,
  wanted: `>= ${wanted}`,
  measured: decimal(measured),
  passed: measured >= wanted,
})

const atMost = (name: string, wanted: number, measured: number): GateResult => ({
  name,
  wanted: `<= ${wanted}`,
  measured: decimal(measured),
  passed: measured <= wanted,
})

/** Four decimals, but never a rounding that hides a difference: 0.00004 stays 4e-5. */
export function decimal(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toFixed(4)))
}
