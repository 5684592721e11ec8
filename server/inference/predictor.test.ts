import { expect, test } from 'vitest'
import { fakeEngine } from '../testing/fake-engine.ts'
import { InferenceError } from './inference-error.ts'
import { createPredictor } from './predictor.ts'

test('what the engine has no room for is refused before it is tokenized', async () => {
  let tokenized = 0
  let inferred = 0
  const asked: number[] = []
  const engine = fakeEngine({
    checkAdmission(items) {
      asked.push(items)
      throw new InferenceError('QueueFull', 'full', { retryAfterSeconds: 1 })
    },
    infer() {
      inferred++
      return Promise.resolve([])
    },
  })
  const tokenizer = {
    padId: 0,
    encode() {
      tokenized++
      return { inputIds: Int32Array.of(1), isTruncated: false, isEmpty: false }
    },
  }
  const predictor = createPredictor({ tokenizer, engine, labels: ['a', 'b'] })
  await expect(predictor.predict(['x', 'y'], { deadline: Infinity })).rejects.toMatchObject({ code: 'QueueFull' })
  expect({ asked, tokenized, inferred }).toEqual({ asked: [2], tokenized: 0, inferred: 0 })
})
