/**
 * A copy of the model whose weights lie in the layout that the kernels of this CPU want, in a file that every session maps into memory:
 * further workers share its pages and skip the packing. Without it each session has its own packed copy of all weights.
 */
import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface PackOptions {
  modelPath: string
  packedPath: string
}

const SCRIPT = new URL(`./pack-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

export interface PackedModel {
  path: string
  remove(): Promise<void>
}

/** In a directory of this process's own below `scratch`; what a process of the same number has left there is removed. */
export async function packModel(modelPath: string, scratch: string): Promise<PackedModel> {
  const directory = join(scratch, `valence-packed-${process.pid}-${basename(modelPath)}`)
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  await remove()
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const packedPath = join(directory, 'model.onnx')
    await pack({ modelPath, packedPath })
    return { path: packedPath, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** On a thread of its own: it takes as long as loading the model, and the memory goes with it. */
function pack(options: PackOptions): Promise<void> {
  const worker = new Worker(SCRIPT, { workerData: options, execArgv: [] })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`packing ended with code ${code}`))
    })
  })
}
