/** Texts that are run together, as rows of token ids. */
export interface Batch {
  texts: number[]
  /** Padded with 0 to the longest, row after row; the mask has 1 where a token is. */
  inputIds: BigInt64Array
  attentionMask: BigInt64Array
  length: number
}

/** Padded tokens of one batch: beyond some thousand a batch no longer fits the caches, and is slower than two. */
const MOST_TOKENS = 2048

/** So many batches are made of the texts that come next: a run that ends before the last text has had the same ones as a server. */
const BATCHES_AT_ONCE = 8

/** Texts of about the same length together, so that next to nothing is padded; in the given order where a batch is one text. */
export function batchesOf(order: readonly number[], ids: readonly (readonly number[])[], rows: number): Batch[] {
  const length = (text: number) => ids[text]?.length ?? 0
  const batches: number[][] = []
  for (let start = 0; start < order.length; start += rows * BATCHES_AT_ONCE) {
    const next = order.slice(start, start + rows * BATCHES_AT_ONCE)
    let last: number[] | undefined
    for (const text of rows === 1 ? next : next.toSorted((a, b) => length(a) - length(b))) {
      // This one is the longest until now.
      if (last !== undefined && last.length < rows && (last.length + 1) * length(text) <= MOST_TOKENS) last.push(text)
      else batches.push((last = [text]))
    }
  }
  return batches.map((texts) => tensorsOf(texts, ids))
}

function tensorsOf(texts: number[], ids: readonly (readonly number[])[]): Batch {
  const length = Math.max(...texts.map((text) => ids[text]?.length ?? 0))
  const inputIds = new BigInt64Array(texts.length * length)
  const attentionMask = new BigInt64Array(texts.length * length)
  texts.forEach((text, row) => {
    ids[text]?.forEach((id, position) => {
      inputIds[row * length + position] = BigInt(id)
      attentionMask[row * length + position] = 1n
    })
  })
  return { texts, inputIds, attentionMask, length }
}
