/**
 * When requests of independent callers come: milliseconds from the start, rising, below `seconds * 1000`. The gaps are exponential
 * with the mean 1 / rate, so some come together, as they do in life; an even spacing would hide every queue below capacity.
 */
export function poissonArrivals(rate: number, seconds: number, random: () => number): Float64Array {
  const times: number[] = []
  for (let at = gap(rate, random); at < seconds * 1000; at += gap(rate, random)) times.push(at)
  return Float64Array.from(times)
}

/** `1 - random()` is never 0, so the logarithm is finite. */
const gap = (rate: number, random: () => number): number => (-Math.log(1 - random()) / rate) * 1000
