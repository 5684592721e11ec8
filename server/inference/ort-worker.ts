/** A worker thread with its own session of ONNX Runtime: `run()` blocks the thread that calls it. */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { batchTensors } from './tensors.ts'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-protocol.ts'

const port = parentPort
if (port === null) throw new Error('ort-worker runs in a worker thread only')
const options = workerData as WorkerOptions
const post = (message: FromWorker): void => port.postMessage(message)

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids']

async function load(): Promise<InferenceSession> {
  // One thread a session: the parallelism is the number of workers, and it stays within the pod's CPU limit.
  const session = await InferenceSession.create(options.modelPath, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Fatal only: errors come back as exceptions and are reported as such.
    logSeverityLevel: 4,
  })
  const unknown = session.inputNames.filter((name) => !INPUTS.includes(name))
  if (unknown.length > 0) throw new Error(`has inputs that nothing feeds: ${unknown.join(', ')}`)
  if (!session.inputNames.includes('input_ids')) throw new Error('has no input input_ids')
  if (!session.outputNames.includes('logits')) throw new Error('has no output logits')
  return session
}

async function run(session: InferenceSession, rows: Int32Array[]): Promise<Float32Array[]> {
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
  return rows.map((_, row) => values.slice(row * options.labels, (row + 1) * options.labels))
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function serve(): Promise<void> {
  let session: InferenceSession
  try {
    session = await load()
    // The first run allocates; and a model whose logits have another shape is refused now instead of at the first request.
    await run(session, [new Int32Array(8)])
  } catch (error) {
    post({ kind: 'unusable', reason: reasonOf(error) })
    port?.close()
    return
  }
  port?.on('message', (message: ToWorker) => {
    if (message.kind === 'close') {
      void session.release().finally(() => port.close())
      return
    }
    const start = performance.now()
    run(session, message.rows).then(
      (logits) => post({ kind: 'done', logits, seconds: (performance.now() - start) / 1000 }),
      (error: unknown) => post({ kind: 'failed', reason: reasonOf(error) }),
    )
  })
  post({ kind: 'ready' })
}

await serve()
