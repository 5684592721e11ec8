/**
 * How far two answers to one text are apart, 0 to 1: `1/2 sum |p_i - q_i|`, the largest difference that the two distributions give to any set
 * of labels. totalVariation([0.9, 0.1], [0.6, 0.4]) = 0.3.
 */
export function totalVariation(p: readonly number[], q: readonly number[]): number {
  if (p.length !== q.length) throw new RangeError(`${p.length} probabilities against ${q.length}`)
  const sum = p.reduce((total, value, index) => total + Math.abs(value - (q[index] ?? NaN)), 0)
  // Probabilities add up to one but for rounding.
  return Math.min(1, sum / 2)
}
