/** Seeded randomness: the same seed gives the same table on every machine. */

/** Numbers in [0, 1). */
export type Random = () => number

/**
 * sfc32, Chris Doty-Humphrey's small fast counting generator (PractRand, 2010): 128 bits of state, a period of 2^32 at the least and about
 * 2^127 on average. The first twelve numbers are dropped, as its author advises, to mix the seed in.
 */
export function randomFrom(seed: number): Random {
  let [a, b, c, counter] = [0, seed | 0, Math.trunc(seed / 2 ** 32) | 0, 1]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/** Successes of n trials with the chance p, exactly: from one success to the next by the geometric distribution. */
export function binomial(random: Random, n: number, p: number): number {
  if (p <= 0) return 0
  if (p >= 1) return n
  const log = Math.log1p(-p)
  let successes = 0
  for (let trial = next(); trial <= n; trial += next()) successes++
  return successes

  function next() {
    return Math.floor(Math.log1p(-random()) / log) + 1
  }
}
