/** One core's share of the bare run: a session of one thread, and nothing between one run of the model and the next. */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { batchesOf } from './batches.ts'
import type { BareTask, ThreadResult } from './protocol.ts'

const port = parentPort
if (port === null) throw new Error('thread.ts runs in a worker thread only')
const { task, counter, pauseMs } = workerData as { task: BareTask; counter: Int32Array; pauseMs: number }
const nothing = new Int32Array(new SharedArrayBuffer(4))

const session = await InferenceSession.create(task.modelPath, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
})
// Made beforehand, for all texts: the ceiling is what the runtime takes, and nothing else.
const runs = batchesOf(task.order, task.ids, task.rows).map(({ texts, inputIds, attentionMask, length }) => {
  const dims = [texts.length, length]
  const given: Record<string, Tensor> = {
    input_ids: new Tensor('int64', inputIds, dims),
    attention_mask: new Tensor('int64', attentionMask, dims),
    token_type_ids: new Tensor('int64', new BigInt64Array(inputIds.length), dims),
  }
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, given[name] as Tensor]))
  return { texts, feeds, tokens: texts.reduce((sum, text) => sum + (task.ids[text]?.length ?? 0), 0) }
})

port.on('message', ({ seconds }: { seconds: number }) => {
  void runFor(seconds).then((result) => port.postMessage(result))
})
port.postMessage('ready')

async function runFor(seconds: number): Promise<ThreadResult> {
  const result: ThreadResult = { latenciesMs: [], answered: 0, tokens: 0, logits: [] }
  const seen = new Set<number>()
  const end = performance.now() + seconds * 1000
  for (let started = performance.now(); started < end;) {
    const run = runs[Atomics.add(counter, 0, 1) % runs.length]
    if (run === undefined) break
    const { logits } = await session.run(run.feeds, ['logits'])
    const done = performance.now()
    result.latenciesMs.push(done - started)
    started = pauseMs > 0 ? afterPause() : done
    result.answered += run.texts.length
    result.tokens += run.tokens
    const values = logits?.data as Float32Array
    run.texts.forEach((text, row) => {
      if (seen.has(text)) return
      seen.add(text)
      result.logits.push([text, [...values.subarray(row * task.labels, (row + 1) * task.labels)]])
    })
  }
  return result
}

/** The core sleeps meanwhile, as it does under a server whose caller has yet to ask. */
function afterPause(): number {
  Atomics.wait(nothing, 0, 0, pauseMs)
  return performance.now()
}
