import type { Judged } from './agreement.ts'
import type { Predictor } from '../inference/predictor.ts'

export interface JudgeProgress {
  (done: number, total: number): void
}

interface Verdict extends Judged {
  /** Index of the label. */
  label: number
  isTruncated: boolean
  isEmpty: boolean
}

/**
 * Every row through the predictor that serves, one text a request, as many at once as keep the workers busy.
 */
export async function judge(
  predictor: Predictor,
  rows: readonly { id: string | number; text: string }[],
  options: { concurrency: number; onProgress?: JudgeProgress; signal?: AbortSignal | undefined },
): Promise<Verdict[]> {
  const results = new Array<Verdict>(rows.length)
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < rows.length) {
      options.signal?.throwIfAborted()
      const index = next++
      const row = rows[index]
      if (row === undefined) return
      const [prediction] = await predictor.predict([row.text], { deadline: Infinity, signal: options.signal })
      if (prediction === undefined) throw new Error('the predictor gave no prediction')
      const { logits, label, isTruncated, isEmpty } = prediction
      results[index] = {
        id: row.id,
        text: row.text,
        logits,
        label: predictor.labels.indexOf(label),
        isTruncated,
        isEmpty,
      }
      options.onProgress?.(++done, rows.length)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  return results
}
