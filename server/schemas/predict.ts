import { z } from 'zod'
import { RequestError } from '../request-error.ts'

export const predictRequest = z
  .strictObject({ text: z.string().describe('The text to judge.') })
  .meta({ examples: [{ text: 'A moving and beautifully acted film.' }] })

export const predictResponse = z.strictObject({
  text: z.string().describe('The text as it was sent.'),
  sentiment: z.string().describe("The label's name."),
  score: z.number().min(0).max(1).describe('Probability of that label.'),
})
export type PredictResponse = z.infer<typeof predictResponse>

export const predictBatchRequest = z
  .strictObject({ texts: z.array(z.string()).min(1).describe('The texts to judge.') })
  .meta({ examples: [{ texts: ['Loved it.', 'A waste of two hours.'] }] })

export const predictBatchResponse = z.strictObject({
  predictions: z.array(predictResponse).describe('One for each text, in order.'),
})

export type PredictBatchResponse = z.infer<typeof predictBatchResponse>

// Without what a pod of another release says besides.
const predictAnswer = z.object(predictResponse.shape)
const predictBatchAnswer = z.object({ predictions: z.array(predictAnswer) })

/** Labels that an answer may have; undefined: any. */
export type KnownLabels = readonly string[] | undefined

/** The answer to that very text. Undefined where it is none. */
export function predictAnswerIn(body: unknown, text: string, labels: KnownLabels): PredictResponse | undefined {
  const { data } = predictAnswer.safeParse(body)
  return data !== undefined && isAnswerTo(data, text, labels) ? data : undefined
}

/** The answer to these very texts, in order. */
export function predictBatchAnswerIn(
  body: unknown,
  texts: readonly string[],
  labels: KnownLabels,
): PredictBatchResponse | undefined {
  const { data } = predictBatchAnswer.safeParse(body)
  if (data?.predictions.length !== texts.length) return undefined
  return data.predictions.every((answer, index) => isAnswerTo(answer, texts[index], labels)) ? data : undefined
}

function isAnswerTo(answer: PredictResponse, text: string | undefined, labels: KnownLabels): boolean {
  return answer.text === text && (labels?.includes(answer.sentiment) ?? true)
}

export interface TextLimits {
  maxTextCharacters: number
  maxBatchTexts: number
}

// Tab, newline and carriage return are ordinary in texts; the others only reach a model through broken or hostile input.
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/
/** White space and characters without a shape (zero-width space, soft hyphen): no tokenizer leaves anything of them. */
const BLANK = /^[\s\p{Cf}]*$/u

/** @throws RequestError naming the field */
export function checkText(text: string, field: string, limits: TextLimits): void {
  if (text.length > limits.maxTextCharacters) {
    const message = `${field} has ${text.length} characters, at most ${limits.maxTextCharacters} are taken`
    throw new RequestError('TextTooLong', message)
  }
  if (!text.isWellFormed()) {
    throw new RequestError(
      'InvalidText',
      `${field} has a lone surrogate, so it is no Unicode text: send well-formed UTF-8`,
    )
  }
  const control = CONTROL_CHARACTER.exec(text)
  if (control !== null) {
    const name = `U+${control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
    throw new RequestError(
      'InvalidText',
      `${field} has the control character ${name} at position ${control.index}: remove it`,
    )
  }
  if (BLANK.test(text)) throw new RequestError('InvalidText', `${field} is empty or blank: send a text`)
}

/** @throws RequestError */
export function checkTexts(texts: readonly string[], field: string, limits: TextLimits): void {
  if (texts.length > limits.maxBatchTexts) {
    const message = `${field} has ${texts.length} texts, at most ${limits.maxBatchTexts} are taken: send several requests`
    throw new RequestError('TooManyTexts', message)
  }
  texts.forEach((text, index) => checkText(text, `${field}[${index}]`, limits))
}
