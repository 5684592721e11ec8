import type { Predictor } from '../inference/predictor.ts'
import type { Judged } from './score-changes.ts'

export interface JudgeProgress {
  (done: number, total: number): void
}

interface Verdict extends Judged {
  /** Index of the label. */
  label: number
  tokens: number
  isTruncated: boolean
  isEmpty: boolean
}

/** Every row through the predictor that serves, as many requests at once as keep the workers busy. */
export async function judge(
  predictor: Predictor,
  rows: readonly { id: string | number; text: string }[],
  options: {
    concurrency: number
    /** Texts that are sent together. */
    textsPerRequest?: number
    onProgress?: JudgeProgress
    signal?: AbortSignal | undefined
  },
): Promise<Verdict[]> {
  const { concurrency, textsPerRequest = 1, onProgress, signal } = options
  const results = new Array<Verdict>(rows.length)
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < rows.length) {
      signal?.throwIfAborted()
      const first = next
      const own = rows.slice(first, first + textsPerRequest)
      next += own.length
      const predictions = await predictor.predict(
        own.map(({ text }) => text),
        { deadline: Infinity, signal },
      )
      own.forEach(({ id, text }, index) => {
        const prediction = predictions[index]
        if (prediction === undefined) throw new Error('the predictor gave no prediction')
        const { logits, label, tokens, isTruncated, isEmpty } = prediction
        results[first + index] = {
          id,
          text,
          logits,
          label: predictor.labels.indexOf(label),
          tokens,
          isTruncated,
          isEmpty,
        }
      })
      done += own.length
      onProgress?.(done, rows.length)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}
