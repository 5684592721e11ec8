/** Alone against batched: whether an answer depends on the texts that share its run. */
import { judgeBatched, type Judging, type Verdicts } from './judge-artifact.ts'
import { scoreChanges, type Answer } from './score-changes.ts'

/** A text whose answer has changed. */
export interface BatchChange {
  id: string | number
  text: string
  alone: Answer
  batched: Answer
  /** Largest difference of a probability. */
  difference: number
}

export interface BatchChanges {
  /** Texts that shared a run. 0: nothing was measured. */
  texts: number
  maxScoreChange: number
  /** The largest first; no text whose answer stays the same to the last bit. */
  worst: BatchChange[]
  seconds: number
}

const WORST = 5

/** `alone` are the answers of the very texts, one text a run. */
export async function measureBatchChanges(
  judging: Omit<Judging, 'texts'> & { alone: Verdicts },
): Promise<BatchChanges> {
  const { artifact, precision, alone, log } = judging
  const { labels, version } = artifact.manifest
  const { judged, shared, seconds } = await judgeBatched({ ...judging, texts: alone })
  const { maxScoreDifference: maxScoreChange, changes } = scoreChanges(alone, judged, labels)
  log.info({ version, precision, texts: shared, maxScoreChange }, 'alone against batched')
  const changed = changes.filter(({ difference }) => difference > 0)
  const worst = changed.slice(0, WORST).map(({ from, to, ...change }) => ({ ...change, alone: from, batched: to }))
  return { texts: shared, maxScoreChange, worst, seconds }
}
