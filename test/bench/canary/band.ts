import { isWithinBand } from '../../../operator/plan/rollout/share-band.ts'

/**
 * The least and the most requests of the candidate, of `total`, that are within the exact 99.9 % band of the weight. The band has no
 * gaps and holds the expected count, so each edge is found by halving. Example: of 20000 at 5 %, 900 to 1103.
 */
export function bandOf(total: number, wantedPerMille: number): { low: number; high: number } {
  const isWithin = (candidate: number) => isWithinBand({ candidate, total }, wantedPerMille)
  const expected = Math.round((total * wantedPerMille) / 1000)
  return { low: edge(isWithin, -1, expected), high: edge(isWithin, total + 1, expected) }
}

/** The count next to `outside` for which it holds. */
function edge(holds: (count: number) => boolean, outside: number, inside: number): number {
  while (Math.abs(inside - outside) > 1) {
    const middle = Math.trunc((inside + outside) / 2)
    if (holds(middle)) inside = middle
    else outside = middle
  }
  return inside
}
