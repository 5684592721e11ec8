import { expect, test } from 'vitest'
import type { Requests } from './load/protocol.ts'
import { summaryOf } from './step-summary.ts'

/** [intended, sent, done, status, same label, score difference] */
function requests(...rows: [number, number, number, number, number, number][]): Requests {
  const column = (index: number) => rows.map((row) => row[index] ?? 0)
  return {
    text: Uint32Array.from(rows.keys()),
    intended: Float64Array.from(column(0)),
    sent: Float64Array.from(column(1)),
    done: Float64Array.from(column(2)),
    status: Uint16Array.from(column(3)),
    sameLabel: Uint8Array.from(column(4)),
    scoreDifference: Float64Array.from(column(5)),
  }
}
const settings = { seconds: 1, failedMs: 30_000, tokensOf: () => 10 }

test('latency counts from when a request was due, not from when it was sent', () => {
  const one = summaryOf({ requests: requests([100, 400, 450, 200, 1, 0]), elapsedMs: 1000 }, settings)
  expect(one.p99Ms).toBe(350)
  expect(one.lagP99Ms).toBe(300)
})

test('answers after the last request began do not count for the rate', () => {
  const done = requests([0, 0, 500, 200, 1, 0], [900, 900, 1500, 200, 1, 0])
  expect(summaryOf({ requests: done, elapsedMs: 1500 }, settings).rps).toBe(1)
})

test('a step that ended early has the rate of the time that it took', () => {
  const done = requests([0, 0, 100, 200, 1, 0], [0, 0, 250, 200, 1, 0])
  expect(summaryOf({ requests: done, elapsedMs: 250 }, settings).rps).toBe(8)
})

test('failures are no answers: no rate, no tokens, no label, and the longest wait', () => {
  const done = requests([0, 0, 100, 200, 1, 0.1], [0, 0, 200, 503, 0, 0], [0, 0, 300, 0, 0, 0])
  expect(summaryOf({ requests: done, elapsedMs: 1000 }, settings)).toMatchObject({
    requests: 3,
    failures: 2,
    rps: 1,
    tokens: 10,
    sameLabel: 1,
    p99Ms: 30_000,
    maxScoreDifference: 0.1,
  })
})

test('a step without requests has figures all the same', () => {
  expect(summaryOf({ requests: requests(), elapsedMs: 0 }, settings)).toMatchObject({ rps: 0, p50Ms: 0, p99Ms: 0 })
})
