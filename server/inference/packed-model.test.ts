import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { verifyArtifact } from '../artifact/verify.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { writeTinyArtifact } from '../testing/tiny-artifact.ts'
import { PARITY_TEXTS, expectedIds } from '../testing/tiny-model.ts'
import type { Engine } from './engine.ts'
import { startOrtEngine, type OrtEngineOptions } from './ort-engine.ts'
import { packModel } from './packed-model.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const engines: Engine[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

async function logitsOf(
  scratch: string | undefined,
  onWarning: (message: string) => void = () => undefined,
  options: Partial<OrtEngineOptions> = {},
) {
  const artifact = await verifyArtifact(writeTinyArtifact().directory)
  const { engine } = await startOrtEngine({
    modelPath: artifact.path('model.int8.onnx'),
    padId: 0,
    labels: 2,
    maxLength: artifact.manifest.maxLength,
    workers: 2,
    queueLimit: 100,
    scratch,
    observer: { queued() {}, inferred() {}, rejected() {}, workerRestarted() {} },
    log: {
      info() {},
      warn(_details, message) {
        onWarning(message)
      },
    },
    ...options,
  })
  engines.push(engine)
  return Promise.all(
    PARITY_TEXTS.map((text) =>
      engine.infer([{ inputIds: Int32Array.from(expectedIds(text)) }], { deadline: Infinity }),
    ),
  )
}

test('a packed model gives the very logits of the one that it was made of', async () => {
  const warnings: string[] = []
  const packed = await logitsOf(temporaryDirectory('packed'), (message) => warnings.push(message))
  expect(packed).toEqual(await logitsOf(undefined))
  expect(warnings).toEqual([])
})

const packedIn = (scratch: string) => readdirSync(scratch).filter((name) => name.startsWith('valence-packed-'))

test('what it wrote goes with the engine', async () => {
  const scratch = temporaryDirectory('packed')
  await logitsOf(scratch)
  const [directory = ''] = packedIn(scratch)
  expect(existsSync(join(scratch, directory, 'model.onnx'))).toBe(true)
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
  expect(packedIn(scratch)).toEqual([])
})

test('what processes before it have left is removed, and what a living one uses is not', async () => {
  const scratch = temporaryDirectory('packed')
  const ofAnother = `valence-packed-${process.ppid}-abcdef`
  const left = [`valence-packed-${process.pid}-abcdef`, 'valence-packed-4194303-abcdef', ofAnother, 'other']
  for (const name of left) {
    mkdirSync(join(scratch, name))
    writeFileSync(join(scratch, name, 'model.onnx'), 'half a model')
  }
  const artifact = await verifyArtifact(writeTinyArtifact().directory)
  const [first, second] = [
    await packModel(artifact.path('model.fp32.onnx'), scratch),
    await packModel(artifact.path('model.int8.onnx'), scratch),
  ]
  const own = [first, second].map(({ path }) => basename(dirname(path)))
  expect(readdirSync(scratch).sort()).toEqual([...own, ofAnother, 'other'].sort())
  await Promise.all([first.remove(), second.remove()])
  expect(readdirSync(scratch).sort()).toEqual([ofAnother, 'other'].sort())
})

test('a copy that no worker can use is given up for the model itself', async () => {
  const warnings: string[] = []
  const workerScript = new URL('../testing/picky-worker.ts', import.meta.url)
  await logitsOf(temporaryDirectory('packed'), (message) => warnings.push(message), { workerScript })
  expect(warnings).toEqual(['no worker could use the packed copy: each loads the model itself'])
})

test('a model that is no good is refused by its own name', async () => {
  const scratch = temporaryDirectory('packed')
  await expect(logitsOf(scratch, undefined, { labels: 3 })).rejects.toMatchObject({
    code: 'ModelUnusable',
    file: 'model.int8.onnx',
  })
  expect(packedIn(scratch)).toEqual([])
})

test('without a place for it each worker loads the model itself, and the log says so', async () => {
  const scratch = join(temporaryDirectory('packed'), 'file')
  writeFileSync(scratch, '')
  const warnings: string[] = []
  expect(await logitsOf(scratch, (message) => warnings.push(message))).toEqual(await logitsOf(undefined))
  expect(warnings).toEqual(['the model could not be packed: each worker loads a copy of its own'])
})
