/** A worker thread with its own session of ONNX Runtime: `run()` blocks the thread that calls it. */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Measurement, Shape } from './batching/cost-model.ts'
import { SESSION_OPTIONS } from './session-options.ts'
import { batchTensors, joinRows, type Rows } from './tensors.ts'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-protocol.ts'

const port = parentPort
if (port === null) throw new Error('ort-worker runs in a worker thread only')
const options = workerData as WorkerOptions
const post = (message: FromWorker): void => port.postMessage(message)

const MEASURING_ROUNDS = 3
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids']

async function load(): Promise<InferenceSession> {
  const session = await InferenceSession.create(options.modelPath, SESSION_OPTIONS)
  const unknown = session.inputNames.filter((name) => !INPUTS.includes(name))
  if (unknown.length > 0) throw new Error(`has inputs that nothing feeds: ${unknown.join(', ')}`)
  if (!session.inputNames.includes('input_ids')) throw new Error('has no input input_ids')
  if (!session.outputNames.includes('logits')) throw new Error('has no output logits')
  return session
}

async function run(session: InferenceSession, rows: Rows): Promise<Float32Array> {
  const batch = batchTensors(rows, options.padId)
  const shape = [batch.rows, batch.length]
  const feeds: Record<string, Tensor> = {}
  for (const name of session.inputNames) {
    const data =
      name === 'input_ids'
        ? batch.inputIds
        : name === 'attention_mask'
          ? batch.attentionMask
          : new BigInt64Array(batch.inputIds.length)
    feeds[name] = new Tensor('int64', data, shape)
  }
  const { logits } = await session.run(feeds, ['logits'])
  if (logits === undefined) throw new Error('gave no logits')
  const expected = [batch.rows, options.labels]
  if (logits.type !== 'float32' || logits.dims.join() !== expected.join()) {
    throw new Error(`gave ${logits.type} [${logits.dims.join()}] as logits, expected float32 [${expected.join()}]`)
  }
  const values = logits.data as Float32Array
  if (!values.every(Number.isFinite)) throw new Error('gave logits that are no finite numbers')
  return values
}

/** The least of the runs of a shape is the one that nothing came between. */
async function measure(session: InferenceSession, shapes: readonly Shape[], budgetMs: number): Promise<Measurement[]> {
  const least = new Map<Shape, number>()
  const end = cpuSeconds() + budgetMs / 1000
  let secondsPerToken = 0
  for (let round = 0; round < MEASURING_ROUNDS; round++) {
    for (const shape of shapes) {
      const tokens = shape.rows * shape.length
      if (cpuSeconds() + (least.get(shape) ?? tokens * secondsPerToken) > end) continue
      const rows = { ids: new Int32Array(tokens), lengths: Array.from({ length: shape.rows }, () => shape.length) }
      const start = cpuSeconds()
      await run(session, rows)
      const seconds = cpuSeconds() - start
      least.set(shape, Math.min(least.get(shape) ?? Infinity, seconds))
      secondsPerToken = seconds / tokens
    }
  }
  return [...least].map(([shape, seconds]) => ({ ...shape, seconds }))
}

/** Of this thread: a neighbour that takes the CPU away does not count. */
function cpuSeconds(): number {
  // Linux brings a thread's own figure up to date at the next tick only, so that a run of 2 ms may seem to take none or twice as much.
  // Asking for that of the whole process brings it up to date now.
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function serve(): Promise<void> {
  let session: InferenceSession
  try {
    session = await load()
    // The first run allocates; and a model whose logits have another shape is refused now instead of at the first request.
    await run(session, joinRows([new Int32Array(8)]))
  } catch (error) {
    post({ kind: 'unusable', reason: reasonOf(error) })
    port?.close()
    return
  }
  async function answer(message: ToWorker): Promise<void> {
    const start = performance.now()
    switch (message.kind) {
      case 'run': {
        const logits = await run(session, message.rows)
        post({ kind: 'done', logits, seconds: (performance.now() - start) / 1000 })
        break
      }
      case 'measure':
        post({ kind: 'measured', measurements: await measure(session, message.shapes, message.budgetMs) })
        break
      case 'close':
        try {
          await session.release()
        } finally {
          port?.close()
        }
        break
    }
  }
  // One after the other: a session that is released during a run aborts the process.
  let last = Promise.resolve()
  port?.on('message', (message: ToWorker) => {
    last = last
      .then(() => answer(message))
      .catch((error: unknown) => {
        post({ kind: 'failed', reason: reasonOf(error) })
      })
  })
  post({ kind: 'ready' })
}

await serve()
