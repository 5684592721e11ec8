/** Which texts are asked, in which order. All servers get the same ones in the same order. */
import { seededRandom, shuffled } from './seeded-random.ts'

export const WORKLOADS = ['short', 'long', 'mixed', 'adversarial'] as const
export type Workload = (typeof WORKLOADS)[number]

/** `longest`: for memory only, every text as long as the model takes. */
export type Order = Workload | 'longest'

export interface CorpusText {
  kind: 'sentence' | 'review'
  /** As the model takes them. */
  tokens: number
}

const SEED = 20_261_125
/** Of mixed load: sentences for each review. */
const SENTENCES_PER_REVIEW = 3
const SHORTEST_SHARE = 0.05

/** Indexes of texts. */
export function ordersOf(corpus: readonly CorpusText[], maxLength: number): Record<Order, Uint32Array> {
  const random = seededRandom(SEED)
  const indexesOf = (kind: CorpusText['kind']) => corpus.flatMap((text, index) => (text.kind === kind ? [index] : []))
  const tokens = (index: number) => corpus[index]?.tokens ?? 0
  const [sentences, reviews] = [indexesOf('sentence'), indexesOf('review')]
  const full = reviews.filter((index) => tokens(index) >= maxLength)
  // A model for short texts cuts every review, and texts of one word are the other extreme of it.
  if (full.length === 0)
    throw new Error(`no review has the ${maxLength} tokens that the model takes: read more of them`)
  const shortest = sentences
    .toSorted((a, b) => tokens(a) - tokens(b))
    .slice(0, Math.ceil(sentences.length * SHORTEST_SHARE))
  const mixed = reviews.flatMap((review, index) => [
    review,
    ...Array.from(
      { length: SENTENCES_PER_REVIEW },
      (_, more) => sentences[(index * SENTENCES_PER_REVIEW + more) % sentences.length] ?? review,
    ),
  ])
  const [shortFirst, fullFirst] = [shuffled(shortest, random), shuffled(full, random)]
  const pairs = Math.max(shortFirst.length, fullFirst.length)
  const adversarial = Array.from({ length: pairs }, (_, index) => [
    shortFirst[index % shortFirst.length] ?? 0,
    fullFirst[index % fullFirst.length] ?? 0,
  ]).flat()
  return {
    short: Uint32Array.from(shuffled(sentences, random)),
    long: Uint32Array.from(shuffled(reviews, random)),
    mixed: Uint32Array.from(shuffled(mixed, random)),
    adversarial: Uint32Array.from(adversarial),
    longest: Uint32Array.from(fullFirst),
  }
}
