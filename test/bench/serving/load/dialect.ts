/** How a server is asked for the label of a text, and what of its answer is the label and its score. */
export const DIALECTS = ['predict', 'infinity'] as const
export type Dialect = (typeof DIALECTS)[number]

export interface Answer {
  label: string
  score: number
}

interface Speech {
  path: string
  body: (text: string) => object
  /** Undefined: no answer to a text. */
  answer: (body: unknown) => Answer | undefined
}

export const SPEECH: Record<Dialect, Speech> = {
  predict: {
    path: '/predict',
    body: (text) => ({ text }),
    answer(body) {
      const { sentiment, score } = body as { sentiment?: unknown; score?: unknown }
      return toAnswer(sentiment, score)
    },
  },
  infinity: {
    path: '/classify',
    body: (text) => ({ model: 'sentiment', input: [text] }),
    answer(body) {
      const { data } = body as { data?: { label?: unknown; score?: unknown }[][] }
      // Best label first.
      const best = data?.[0]?.[0]
      return toAnswer(best?.label, best?.score)
    },
  },
}

const toAnswer = (label: unknown, score: unknown): Answer | undefined =>
  typeof label === 'string' && typeof score === 'number' ? { label, score } : undefined
