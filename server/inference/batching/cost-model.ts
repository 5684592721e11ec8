/** What a run costs by its shape: measured at a few shapes when the pod starts, interpolated between them. */

/** Rows of token ids, padded to one length. */
export interface Shape {
  rows: number
  length: number
}

export interface Measurement extends Shape {
  /** CPU seconds of one run. */
  seconds: number
}

export interface CostModel {
  /** CPU seconds of a run of that many rows, padded to that length. */
  seconds(shape: Shape): number
}

/** Bounds of the exponent by which the cost of a row grows beyond the longest measured: attention is quadratic, all else linear. */
const GROWTH = { least: 1, most: 2 }

/**
 * Between two measured lengths, and between two measured numbers of rows, the cost is a power of both, which is a straight line between the
 * logarithms. More rows than were measured at a length gain nothing over rows that run one by one: what is not known to pay is not done.
 *
 * With 1 row of 16 tokens at 2 ms and 8 rows of 16 tokens at 12 ms: 4 rows cost 2 * 6^(2/3) = 6.6 ms, 16 rows 16 * 2 = 32 ms.
 *
 * @throws RangeError where no single row was measured
 */
export function costModel(measurements: readonly Measurement[]): CostModel {
  const curves = curvesOf(measurements)
  if (curves.length === 0) throw new RangeError('no cost of a single row was measured')
  return {
    seconds({ rows, length }) {
      const points = curves.map((curve) => ({ at: curve.length, value: ofRows(curve, rows) }))
      return interpolate(points, length)
    },
  }
}

/** Nothing is known but that more tokens take longer: no batch pays then. */
export const unmeasuredCost = (secondsPerToken = 1e-4): CostModel => ({
  seconds: ({ rows, length }) => rows * length * secondsPerToken,
})

interface Curve {
  length: number
  /** By rows, ascending; the first is one row. */
  points: { at: number; value: number }[]
}

/** A run that a coarse clock did not see takes this: there is no logarithm of nothing. */
const LEAST_SECONDS = 1e-6

/** Noise must not make a longer or larger run look cheaper than a part of it. */
function curvesOf(measurements: readonly Measurement[]): Curve[] {
  const lengths = [...new Set(measurements.map(({ length }) => length))].sort((a, b) => a - b)
  const curves: Curve[] = []
  for (const length of lengths) {
    const own = measurements.filter((one) => one.length === length).sort((a, b) => a.rows - b.rows)
    if (own[0]?.rows !== 1) continue
    const shorter = curves.at(-1)
    let least = LEAST_SECONDS
    const points = own.map(({ rows, seconds }) => {
      const below = shorter?.points.find(({ at }) => at === rows)?.value ?? 0
      least = Math.max(least, below, seconds)
      return { at: rows, value: least }
    })
    curves.push({ length, points })
  }
  return curves
}

function ofRows({ points }: Curve, rows: number): number {
  const [one] = points
  const largest = points.at(-1)
  if (one === undefined || largest === undefined || rows > largest.at) return rows * (one?.value ?? NaN)
  return interpolate(points, rows)
}

/** `points` ascend; below the first its value holds, beyond the last it grows as between the last two. */
function interpolate(points: readonly { at: number; value: number }[], at: number): number {
  const [first] = points
  if (first === undefined) return NaN
  if (at <= first.at) return first.value
  const upper = points.findIndex((point) => point.at >= at)
  const high = points[upper] ?? points.at(-1)
  const low = points[upper === -1 ? points.length - 2 : upper - 1] ?? first
  if (high === undefined) return first.value
  const slope = low === high ? GROWTH.least : Math.log(high.value / low.value) / Math.log(high.at / low.at)
  if (upper !== -1) return low.value * (at / low.at) ** slope
  return high.value * (at / high.at) ** Math.min(GROWTH.most, Math.max(GROWTH.least, slope))
}
