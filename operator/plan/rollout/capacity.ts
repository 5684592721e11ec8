/** More than its share: when a candidate's pods are slower or one of them goes, the others still keep up. */
const HEADROOM = 1.5

/**
 * Pods of a candidate that gets `weight` percent of what `full` pods answer: ceil(full x weight / 100 x 1.5), at least one and at
 * most all. Example: of 10 pods, 25 % are 4; 1 % is 1; 80 % are 10.
 */
export function replicasFor(weight: number, full: number): number {
  return Math.min(full, Math.max(1, Math.ceil((full * weight * HEADROOM) / 100)))
}
