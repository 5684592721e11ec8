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

/** Texts of about the same length together, so that next to nothing is padded; in the given order where a batch is one text. */
export function batchesOf(order: readonly number[], ids: readonly (readonly number[])[], rows: number): Batch[] {
  const length = (text: number) => ids[text]?.length ?? 0
  const ordered = rows === 1 ? order : order.toSorted((a, b) => length(a) - length(b))
  const batches: number[][] = []
  for (const text of ordered) {
    const last = batches.at(-1)
    // The last one is the longest.
    const fits = last !== undefined && last.length < rows && (last.length + 1) * length(text) <= MOST_TOKENS
    if (fits) last.push(text)
    else batches.push([text])
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
