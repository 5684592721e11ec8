/** Judges a version by its evaluation. The evaluator measures; this decides. */
import type { EvaluationSummary } from '../../contract/termination.ts'
import type { Gates } from '../api/v1alpha1/gates.ts'
import type { GateResult, ModelVersionSpec } from '../api/v1alpha1/model-version.ts'
import type { Precision, Serving } from '../api/v1alpha1/serving.ts'

/** What gates need of an evaluation. */
export type Measured = Pick<EvaluationSummary, 'parity' | 'rows' | 'int8Agreement'> & {
  fp32?: Quality | undefined
  int8?: Quality | undefined
}

interface Quality {
  accuracy: number
  macroF1: number
}

export interface Verdict {
  accepted: boolean
  /** What pods are to serve: int8 where it keeps its gates, unless the spec says otherwise. */
  precision: Precision
  gates: GateResult[]
  /** The gates that speak against it: not int8's own where fp32 serves. */
  missed: GateResult[]
}

/**
 * A version is accepted when every gate passes on the precision that would be served. int8's own gates decide between the
 * precisions for `auto`; they reject a version only where the spec insists on int8. In mode Observe nothing is rejected,
 * but what failed is still in the record.
 */
export function judge(summary: Measured, gates: Gates, wanted: Serving['precision']): Verdict {
  const int8Gates = judgeInt8(summary, gates)
  const precision = choosePrecision(int8Gates, wanted)
  const served = precision === 'int8' ? summary.int8 : summary.fp32

  const results = [
    ...judgeParity(summary, gates),
    ...int8Gates,
    ...floor('minAccuracy', gates.minAccuracy, served?.accuracy),
    ...floor('minMacroF1', gates.minMacroF1, served?.macroF1),
  ]
  const missed = results.filter((gate) => !gate.passed && (wanted === 'int8' || !gate.name.startsWith('int8.')))
  return { accepted: gates.mode === 'Observe' || missed.length === 0, precision, gates: results, missed }
}

/** A baseline is there to be beaten: its quality is measured, but only its fidelity is judged. */
export function gatesOf({ role }: Pick<ModelVersionSpec, 'role'>, gates: Gates): Gates {
  if (role !== 'baseline') return gates
  const { minAccuracy: _accuracy, minMacroF1: _macroF1, ...fidelity } = gates
  return fidelity
}

/** One line for a condition: the gates that failed with their numbers, or what was reached. */
export function verdictText(verdict: Verdict, summary: Measured): string {
  if (!verdict.accepted)
    return verdict.missed.map((gate) => `${gate.name}: wanted ${gate.wanted}, measured ${gate.measured}`).join('; ')
  const served = verdict.precision === 'int8' ? summary.int8 : summary.fp32
  const quality = served
    ? `accuracy ${decimal(served.accuracy)}, macro F1 ${decimal(served.macroF1)} on ${summary.rows} rows`
    : 'no evaluation rows'
  return `${quality}, served as ${verdict.precision}`
}

function choosePrecision(int8Gates: readonly GateResult[], wanted: Serving['precision']): Precision {
  if (wanted !== 'auto') return wanted
  return int8Gates.every((gate) => gate.passed) ? 'int8' : 'fp32'
}

function judgeParity({ parity }: Measured, gates: Gates): GateResult[] {
  return [
    atMost('parity.tokenMismatches', 0, parity.tokenMismatches),
    atMost('parity.maxLogitDifference', gates.parity.maxLogitDifference, parity.maxLogitDifference),
    atLeast('parity.minLabelAgreement', gates.parity.minLabelAgreement, parity.labelAgreement),
  ]
}

function judgeInt8({ int8, fp32, int8Agreement }: Measured, gates: Gates): GateResult[] {
  const results = [atLeast('int8.minLabelAgreement', gates.int8.minLabelAgreement, int8Agreement.labelAgreement)]
  if (int8 && fp32)
    results.push(atMost('int8.maxAccuracyDrop', gates.int8.maxAccuracyDrop, difference(fp32.accuracy, int8.accuracy)))
  return results
}

/** Without the noise of binary fractions: 0.89 - 0.885 is 0.005, which keeps a bound of 0.005. */
const difference = (a: number, b: number) => Number((a - b).toFixed(12))

/** A floor without a measurement fails: no data is never a pass. */
function floor(name: string, wanted: number | undefined, measured: number | undefined): GateResult[] {
  if (wanted === undefined) return []
  if (measured === undefined) return [{ name, wanted: `>= ${wanted}`, measured: 'no evaluation rows', passed: false }]
  return [atLeast(name, wanted, measured)]
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
