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
  const id = message.rows[0]?.[0]
  const answer = (): void => post({ kind: 'done', logits: [Float32Array.of(id ?? 0, 0)], seconds: 0.001 })
  if (id === ON.throw) throw new Error('died')
  else if (id === ON.exit) process.exit(9)
  else if (id === ON.fail) post({ kind: 'failed', reason: 'refused it' })
  else if (id === ON.slow) setTimeout(answer, 100)
  else answer()
})
if (port !== null) post({ kind: 'ready' })
