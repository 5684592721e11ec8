/** What became of each request of a step, in arrays that grow: objects for each would keep the garbage collector busy meanwhile. */
import { SPEECH, type Dialect } from './dialect.ts'
import type { AskedText, Requests } from './protocol.ts'
import { scoreDifference } from './score-difference.ts'

const FIRST_CAPACITY = 4096
const MOST_PROBLEMS = 3

export class Recorder {
  readonly problems: string[] = []
  #length = 0
  #requests = emptyRequests(FIRST_CAPACITY)
  readonly #texts: readonly AskedText[]
  readonly #dialect: Dialect

  constructor(texts: readonly AskedText[], dialect: Dialect) {
    this.#texts = texts
    this.#dialect = dialect
  }

  get length(): number {
    return this.#length
  }

  /** The request's index, for `answered` and `failed`. */
  begin(text: number, intended: number, sent: number): number {
    if (this.#length === this.#requests.text.length) this.#requests = grown(this.#requests, 2 * this.#length)
    const index = this.#length++
    this.#requests.text[index] = text
    this.#requests.intended[index] = intended
    this.#requests.sent[index] = sent
    this.#requests.done[index] = NaN
    return index
  }

  answered(index: number, status: number, body: Buffer, done: number): void {
    this.#requests.done[index] = done
    this.#requests.status[index] = status
    if (status !== 200) {
      this.#problem(`${status} ${body.subarray(0, 200).toString()}`)
      return
    }
    const expected = this.#texts[this.#requests.text[index] ?? -1]
    const answer = answerIn(body, this.#dialect)
    if (expected === undefined || answer === undefined) {
      this.failed(index, `200 without an answer: ${body.subarray(0, 200).toString()}`, done)
      return
    }
    this.#requests.sameLabel[index] = answer.label === expected.label ? 1 : 0
    this.#requests.scoreDifference[index] = scoreDifference(answer, expected)
  }

  failed(index: number, reason: string, done: number): void {
    this.#requests.done[index] = done
    this.#requests.status[index] = 0
    this.#problem(reason)
  }

  finish(): Requests {
    return grown(this.#requests, this.#length)
  }

  #problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS && !this.problems.includes(text)) this.problems.push(text)
  }
}

function answerIn(body: Buffer, dialect: Dialect) {
  try {
    return SPEECH[dialect].answer(JSON.parse(body.toString()))
  } catch {
    return undefined
  }
}

function emptyRequests(capacity: number): Requests {
  return {
    text: new Uint32Array(capacity),
    intended: new Float64Array(capacity),
    sent: new Float64Array(capacity),
    done: new Float64Array(capacity),
    status: new Uint16Array(capacity),
    sameLabel: new Uint8Array(capacity),
    scoreDifference: new Float64Array(capacity),
  }
}

/** With room for `capacity`, which may also be less than there was. */
function grown(requests: Requests, capacity: number): Requests {
  const result = emptyRequests(capacity)
  for (const name of Object.keys(result) as (keyof Requests)[]) {
    result[name].set(requests[name].subarray(0, Math.min(capacity, requests[name].length)))
  }
  return result
}
