/** A worker that loads a model only under the artifact's own name, as a runtime may that can't map another. */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, WorkerOptions } from '../inference/worker-protocol.ts'

const { modelPath } = workerData as WorkerOptions
if (modelPath.endsWith('model.int8.onnx')) await import('../inference/ort-worker.ts')
else parentPort?.postMessage({ kind: 'unusable', reason: 'is none of mine' } satisfies FromWorker)
