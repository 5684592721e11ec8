import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { verifyArtifact } from '../artifact/verify.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { writeTinyArtifact } from '../testing/tiny-artifact.ts'
import { PARITY_TEXTS, expectedIds } from '../testing/tiny-model.ts'
import type { Engine } from './engine.ts'
import { startOrtEngine } from './ort-engine.ts'
import { packModel } from './packed-model.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const engines: Engine[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

async function logitsOf(scratch: string | undefined, onWarning: (message: string) => void = () => undefined) {
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

test('what it wrote goes with the engine', async () => {
  const scratch = temporaryDirectory('packed')
  await logitsOf(scratch)
  const directory = join(scratch, `valence-packed-${process.pid}-model.int8.onnx`)
  expect(existsSync(join(directory, 'model.onnx'))).toBe(true)
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
  expect(existsSync(directory)).toBe(false)
})

test('what a process before it has left is replaced', async () => {
  const scratch = temporaryDirectory('packed')
  const left = join(scratch, `valence-packed-${process.pid}-model.fp32.onnx`, 'model.onnx')
  mkdirSync(dirname(left), { recursive: true })
  writeFileSync(left, 'half a model')
  const artifact = await verifyArtifact(writeTinyArtifact().directory)
  const packed = await packModel(artifact.path('model.fp32.onnx'), scratch)
  expect(packed.path).toBe(left)
  await packed.remove()
})

test('without a place for it each worker loads the model itself, and the log says so', async () => {
  const scratch = join(temporaryDirectory('packed'), 'file')
  writeFileSync(scratch, '')
  const warnings: string[] = []
  expect(await logitsOf(scratch, (message) => warnings.push(message))).toEqual(await logitsOf(undefined))
  expect(warnings).toEqual(['the model could not be packed: each worker loads a copy of its own'])
})
