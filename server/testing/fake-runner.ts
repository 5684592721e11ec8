import type { BatchResult, Runner } from '../inference/runner.ts'

/** A runner whose batches end when the test says so. The logits of a row are its first token id and its length. */
export interface FakeRunner extends Runner {
  state: Runner['state']
  /** The batches that it was given, as the first token ids of their rows. */
  readonly batches: number[][]
  finish(): void
  fail(error: Error): void
}

export function fakeRunner(): FakeRunner {
  const batches: number[][] = []
  let pending: { rows: readonly Int32Array[]; settle: PromiseWithResolvers<BatchResult> } | undefined
  const end = (how: (run: NonNullable<typeof pending>) => void): void => {
    const run = pending
    if (run === undefined) throw new Error('no batch runs')
    pending = undefined
    runner.state = 'idle'
    how(run)
  }
  const runner: FakeRunner = {
    state: 'idle',
    batches,
    run(rows) {
      if (runner.state !== 'idle') throw new Error(`a runner that is ${runner.state} was used`)
      runner.state = 'busy'
      batches.push(rows.map((row) => row[0] ?? NaN))
      pending = { rows, settle: Promise.withResolvers<BatchResult>() }
      return pending.settle.promise
    },
    finish() {
      end(({ rows, settle }) => {
        settle.resolve({ logits: rows.map((row) => Float32Array.of(row[0] ?? NaN, row.length)), seconds: 0.001 })
      })
    },
    fail(error) {
      end(({ settle }) => {
        settle.reject(error)
      })
    },
  }
  return runner
}
