/** The load generator: a process of its own, so that its work is seen apart from the server's and from the benchmark's. */
import type { AskedText, FromGenerator, ToGenerator } from './protocol.ts'
import { bodiesOf, runStep, type Bodies } from './run-step.ts'

let texts: AskedText[] = []
let bodies: Bodies = bodiesOf(texts)
const tell = (message: FromGenerator): void => {
  process.send?.(message)
}

process.on('message', (message: ToGenerator) => {
  if (message.kind === 'texts') {
    texts = message.texts
    bodies = bodiesOf(texts)
    tell({ kind: 'ready' })
    return
  }
  runStep(message.step, texts, bodies).then(
    (result) => tell({ kind: 'done', result }),
    (error: unknown) => tell({ kind: 'failed', reason: String(error) }),
  )
})
// The benchmark has ended, however it did.
process.on('disconnect', () => process.exit())
// It ends this process itself: an interrupted terminal signals both.
process.on('SIGINT', () => undefined)
