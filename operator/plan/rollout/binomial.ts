/**
 * The binomial distribution, by exact sums. No library: the smallest maintained one that has it brings 224 packages, and these few lines
 * are held against a sum over all outcomes in the tests.
 */

/**
 * P(X <= k) for X ~ Bin(n, p), to about eight digits up to ten million trials.
 *
 * Example: Bin(10, 0.5): P(X <= 2) = (1 + 10 + 45) / 1024 = 0.0547.
 */
export function chanceOfAtMost(k: number, n: number, p: number): number {
  if (k < 0) return 0
  if (k >= n) return 1
  // The shorter tail is summed: its terms fall, so that it ends early and nothing is lost by rounding.
  return k < n * p ? tail(k, n, p) : 1 - tail(n - k - 1, n, 1 - p)
}

/** P(X >= k) for X ~ Bin(n, p): counted by the failures instead, P(n - X <= n - k). Example: Bin(10, 0.5), P(X >= 8) = 0.0547. */
export function chanceOfAtLeast(k: number, n: number, p: number): number {
  return chanceOfAtMost(n - k, n, 1 - p)
}

/**
 * The sum over 0..k, downward from k, where k is below the mean. Each term follows from the one before: P(k-1) = P(k) k (1-p) / ((n-k+1)
 * p).
 */
function tail(k: number, n: number, p: number): number {
  if (p >= 1) return 0
  let term = Math.exp(
    logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p),
  )
  let sum = 0
  for (let i = k; i >= 0 && term > sum * Number.EPSILON; i--) {
    sum += term
    term *= (i * (1 - p)) / ((n - i + 1) * p)
  }
  return sum
}

/** ln n!: Stirling's series above 20, where its next term is below 1e-12, and the product below. Example: ln 5! = ln 120 = 4.7875. */
function logFactorial(n: number): number {
  if (n > 20)
    return (
      (n + 0.5) * Math.log(n) -
      n +
      0.5 * Math.log(2 * Math.PI) +
      1 / (12 * n) -
      1 / (360 * n ** 3) +
      1 / (1260 * n ** 5)
    )
  let product = 1
  for (let i = 2; i <= n; i++) product *= i
  return Math.log(product)
}
