/** The bare run: a process of its own, so that its memory and CPU time are its own. One step, then it ends. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { machineCpuMs } from '../process-tree.ts'
import type { BareResult, BareStep, ThreadResult } from './protocol.ts'

process.on('message', (step: BareStep) => {
  void runStep(step).then((result) => {
    process.send?.(result)
    process.disconnect()
  })
})
process.on('SIGINT', () => undefined)

async function runStep({ threads, seconds, warmUpSeconds, pauseMs, ...task }: BareStep): Promise<BareResult> {
  // One counter for all: each takes the next text that nobody has taken.
  const counter = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('thread.ts', import.meta.url), { workerData: { task, counter, pauseMs } }),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const all = async (forSeconds: number) => {
    const answers = workers.map((worker) => once(worker, 'message') as Promise<[ThreadResult]>)
    for (const worker of workers) worker.postMessage({ seconds: forSeconds })
    return (await Promise.all(answers)).map(([result]) => result)
  }
  await all(warmUpSeconds)
  // With the text that every server begins with.
  Atomics.store(counter, 0, 0)
  const machineBefore = machineCpuMs()
  const before = process.cpuUsage()
  const begin = performance.now()
  const results = await all(seconds)
  const elapsedMs = performance.now() - begin
  const { user, system } = process.cpuUsage(before)
  await Promise.all(workers.map((worker) => worker.terminate()))
  return {
    latenciesMs: results.flatMap(({ latenciesMs }) => latenciesMs),
    answered: results.reduce((sum, { answered }) => sum + answered, 0),
    tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
    logits: results.flatMap(({ logits }) => logits),
    elapsedMs,
    cpuMs: (user + system) / 1000,
    machineCpuMs: machineCpuMs() - machineBefore,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
  }
}
