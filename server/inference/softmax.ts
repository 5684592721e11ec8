/**
 * Probabilities of logits: `exp(x_i - max) / sum(exp(x_j - max))`. Subtracting the largest logit keeps every exponent at or
 * below zero, so nothing overflows: softmax([1000, 0]) = [1, 0], softmax([2, 0]) = [0.8808, 0.1192].
 */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const max = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const exponentials = values.map((value) => Math.exp(value - max))
  const sum = exponentials.reduce((a, b) => a + b, 0)
  return exponentials.map((value) => value / sum)
}

/** Index of the largest value; the first of equals, as PyTorch's argmax. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let index = 1; index < values.length; index++) {
    if ((values[index] ?? -Infinity) > (values[best] ?? -Infinity)) best = index
  }
  return best
}
