/** A worker that speaks the protocol and dies over some inputs: its first token id says what it does. */
import { parentPort } from 'node:worker_threads'
import type { FromWorker, ToWorker } from '../inference/worker-protocol.ts'

export const ON = { answer: 1, slow: 2, throw: 3, exit: 4, fail: 5 } as const

const port = parentPort
const post = (message: FromWorker): void => port?.postMessage(message)

port?.on('message', (message: ToWorker) => {
  if (message.kind === 'close') {
    port.close()
    return
  }
  if (message.kind === 'measure') {
    // Company pays: so that batches are made.
    const measurements = [1, 8].map((rows) => ({ rows, length: 1, seconds: 0.001 }))
    post({ kind: 'measured', measurements })
    return
  }
  const { ids: all, lengths } = message.rows
  const ids = lengths.map((_, row) => all[lengths.slice(0, row).reduce((sum, length) => sum + length, 0)] ?? 0)
  const [id] = ids.filter((one) => one !== ON.answer).concat(ON.answer)
  const answer = (): void =>
    post({ kind: 'done', logits: Float32Array.from(ids.flatMap((one) => [one, 0])), seconds: 0.001 })
  if (id === ON.throw) throw new Error('died')
  else if (id === ON.exit) process.exit(9)
  else if (id === ON.fail) post({ kind: 'failed', reason: 'refused it' })
  else if (id === ON.slow) setTimeout(answer, 100)
  else answer()
})
if (port !== null) post({ kind: 'ready' })
