/**
 * A copy of the model whose weights lie in the layout that the kernels of this CPU want, in a file that every session maps into memory:
 * further workers share its pages and skip the packing. Without it each session has its own packed copy of all weights.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface PackOptions {
  modelPath: string
  packedPath: string
}

export interface PackedModel {
  path: string
  remove(): Promise<void>
}

const SCRIPT = new URL(`./pack-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
const PREFIX = 'valence-packed-'

/** Of this process. It may end in many ways, and a copy that nobody uses fills the disk of a pod that starts again and again. */
const inUse = new Set<string>()
process.on('exit', () => {
  for (const directory of inUse) rmSync(directory, { recursive: true, force: true })
})

/** In a directory of its own below `scratch`, which nobody else can have made: the model's digests were checked before. */
export async function packModel(modelPath: string, scratch: string): Promise<PackedModel> {
  await removeAbandoned(scratch)
  const directory = await mkdtemp(join(scratch, `${PREFIX}${process.pid}-`))
  inUse.add(directory)
  const remove = async (): Promise<void> => {
    await rm(directory, { recursive: true, force: true })
    inUse.delete(directory)
  }
  try {
    const packedPath = join(directory, 'model.onnx')
    await pack({ modelPath, packedPath })
    return { path: packedPath, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What was left by processes that were killed. In a container the one before had this one's number. */
async function removeAbandoned(scratch: string): Promise<void> {
  for (const name of await readdir(scratch)) {
    const directory = join(scratch, name)
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? NaN)
    const isAbandoned = pid === process.pid ? !inUse.has(directory) : pid > 0 && !isAlive(pid)
    if (isAbandoned) await rm(directory, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's, who may be at work.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
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
