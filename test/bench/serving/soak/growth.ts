export interface MemorySample {
  seconds: number
  rssMiB: number
}

/** Slope of the straight line with the least squares, in MiB an hour; 0 of fewer than two samples. */
export function growthPerHour(samples: readonly MemorySample[]): number {
  const mean = (of: (sample: MemorySample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ rssMiB }) => rssMiB)]
  const spread = samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0)
  const joint = samples.reduce((sum, { seconds, rssMiB }) => sum + (seconds - x) * (rssMiB - y), 0)
  return spread > 0 ? (joint / spread) * 3600 : 0
}
