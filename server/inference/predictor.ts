/** Text in, label and probabilities out: tokenizer, engine and softmax in a row. Serving and evaluation share it. */
import { setImmediate } from 'node:timers/promises'
import type { Engine, Wait } from './engine.ts'
import { argmax, softmax } from './softmax.ts'
import type { Tokenized, Tokenizer } from './tokenizer.ts'

export interface Prediction {
  text: string
  label: string
  /** Probability of `label`. */
  score: number
  probabilities: number[]
  logits: Float32Array
  /** Tokens that were computed, special ones included. */
  tokens: number
  isTruncated: boolean
  /** The text has no token of its own: the prediction is of nothing. */
  isEmpty: boolean
}

export interface Predictor {
  readonly labels: readonly string[]
  predict(texts: readonly string[], wait: Wait): Promise<Prediction[]>
}

export function createPredictor(options: {
  tokenizer: Tokenizer
  engine: Engine
  labels: readonly string[]
  onTokenized?: (seconds: number) => void
}): Predictor {
  const { tokenizer, engine, labels, onTokenized } = options

  async function tokenize(texts: readonly string[], wait: Wait): Promise<Tokenized[]> {
    const start = performance.now()
    // Under load most is refused: that must not cost the thread that answers everyone the tokenizing.
    engine.checkAdmission(texts.length, wait)
    const encoded: Tokenized[] = []
    let sliceStart = start
    for (const text of texts) {
      encoded.push(tokenizer.encode(text))
      // Tokenizing runs on the thread that answers everyone: a long batch lets others through.
      if (performance.now() - sliceStart > 10) {
        await setImmediate()
        engine.checkAdmission(texts.length, wait)
        sliceStart = performance.now()
      }
    }
    onTokenized?.((performance.now() - start) / 1000)
    return encoded
  }

  return {
    labels,
    async predict(texts, wait) {
      const encoded = await tokenize(texts, wait)
      const logits = await engine.infer(encoded, wait)
      return encoded.map((item, index) => {
        const own = logits[index] ?? new Float32Array()
        const probabilities = softmax(own)
        const winner = argmax(own)
        return {
          text: texts[index] ?? '',
          label: labels[winner] ?? '',
          score: probabilities[winner] ?? NaN,
          probabilities,
          logits: own,
          tokens: item.inputIds.length,
          isTruncated: item.isTruncated,
          isEmpty: item.isEmpty,
        }
      })
    },
  }
}
