import { afterEach, describe, expect, test, vi } from 'vitest'
import { verifyArtifact } from '../artifact/verify.ts'
import { ON } from '../testing/dying-worker.ts'
import { writeTinyArtifact, type TinyArtifactOptions } from '../testing/tiny-artifact.ts'
import { PARITY_TEXTS, expectedIds, expectedLogits } from '../testing/tiny-model.ts'
import { constantNode, model, tensor, valueInfo } from '../testing/onnx-writer.ts'
import type { Engine, Wait } from './engine.ts'
import { startOrtEngine, type OrtEngineOptions } from './ort-engine.ts'

// Workers start in tenths of a second, on a busy machine in seconds.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const engines: Engine[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

function observer() {
  const seen = { queued: 0, inferred: 0, rows: 0, rejected: [] as string[], restarted: 0 }
  return {
    seen,
    queued() {
      seen.queued++
    },
    inferred({ rows }: { rows: number }) {
      seen.inferred++
      seen.rows += rows
    },
    rejected(code: string) {
      seen.rejected.push(code)
    },
    workerRestarted() {
      seen.restarted++
    },
  }
}

async function start(options: Partial<OrtEngineOptions> & { artifact?: TinyArtifactOptions } = {}) {
  const { artifact: artifactOptions, ...rest } = options
  const artifact = await verifyArtifact(writeTinyArtifact(artifactOptions).directory)
  const watched = observer()
  const { engine, measured } = await startOrtEngine({
    modelPath: artifact.path('model.fp32.onnx'),
    padId: 0,
    labels: 2,
    maxLength: artifact.manifest.maxLength,
    workers: 1,
    queueLimit: 100,
    observer: watched,
    log: { info() {}, warn() {} },
    ...rest,
  })
  engines.push(engine)
  return { engine, measured, seen: watched.seen }
}

const startDying = (options: Partial<OrtEngineOptions> = {}) =>
  start({ workerScript: new URL('../testing/dying-worker.ts', import.meta.url), ...options })
const item = (...ids: number[]) => ({ inputIds: Int32Array.from(ids) })
const wait = (milliseconds = 20_000) => ({ deadline: performance.now() + milliseconds })
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  )

describe('the engine on ONNX Runtime', () => {
  test('gives the logits that plain arithmetic gives', async () => {
    const { engine, seen } = await start({ workers: 2 })
    const ids = PARITY_TEXTS.map((text) => expectedIds(text))
    const logits = await engine.infer(
      ids.map((row) => item(...row)),
      wait(),
    )
    logits.forEach((row, index) => {
      expectedLogits(ids[index] ?? []).forEach((value, label) => expect(row[label]).toBeCloseTo(value, 5))
    })
    expect(seen).toMatchObject({ queued: ids.length, rows: ids.length })
  })

  test('says what a run takes here, unless it was told what to batch by', async () => {
    const { measured } = await start()
    const [short, long] = [1, 16].map((length) => measured?.seconds({ rows: 1, length }) ?? NaN)
    expect(short).toBeGreaterThan(0)
    expect(long).toBeGreaterThanOrEqual(short ?? NaN)
    expect((await start({ cost: { seconds: () => 1 } })).measured).toBeUndefined()
  })

  test('refuses token ids beyond the vocabulary without dying', async () => {
    const { engine } = await start()
    expect(await codeOf(engine.infer([item(2, 99_999, 3)], wait()))).toBe('InferenceFailed')
    expect(await codeOf(engine.infer([item(2, 5, 3)], wait()))).toBe('answered')
    expect(engine.liveWorkers).toBe(1)
  })

  test('a model that can not be loaded is refused at the start with its file', async () => {
    const artifact = { files: { 'model.fp32.onnx': model({ nodes: [], initializers: [], inputs: [], outputs: [] }) } }
    await expect(start({ artifact })).rejects.toMatchObject({ code: 'ModelUnusable', file: 'model.fp32.onnx' })
  })

  test('a model with other labels than the manifest is refused at the start', async () => {
    await expect(start({ labels: 3 })).rejects.toThrow(/gave float32 \[1,2\] as logits, expected float32 \[1,3\]/)
  })

  test('a model with inputs that nothing feeds is refused at the start', async () => {
    const constant = tensor('', [1, 2], Float32Array.of(0, 0))
    const other = model({
      nodes: [constantNode('logits', constant)],
      initializers: [],
      inputs: [valueInfo('pixels', 'float', [1])],
      outputs: [valueInfo('logits', 'float', [1, 2])],
    })
    await expect(start({ artifact: { files: { 'model.fp32.onnx': other } } })).rejects.toThrow(/nothing feeds: pixels/)
  })

  test('a model that can not be timed is served without batches', async () => {
    const warnings: string[] = []
    const { engine, seen } = await start({
      workerScript: new URL('../testing/untimed-worker.ts', import.meta.url),
      log: {
        info() {},
        warn(_details, message) {
          warnings.push(message)
        },
      },
    })
    await Promise.all(Array.from({ length: 8 }, () => engine.infer([item(ON.answer)], wait())))
    expect(warnings).toEqual(['runs could not be timed: texts are not batched'])
    expect(seen).toMatchObject({ inferred: 8, rows: 8 })
  })

  test('a full queue refuses at once and says when to come back', async () => {
    const { engine, seen } = await startDying({ queueLimit: 2 })
    const running = engine.infer([item(ON.slow)], wait())
    const waiting = engine.infer([item(ON.answer), item(ON.answer)], wait())
    const refused = engine.infer([item(ON.answer)], wait())
    await expect(refused).rejects.toMatchObject({ code: 'QueueFull', retryAfterSeconds: 1 })
    await Promise.all([running, waiting])
    expect(seen.rejected).toEqual(['QueueFull'])
  })

  test('tells before any work whether texts would be admitted', async () => {
    const { engine, seen } = await startDying({ queueLimit: 1 })
    const codeOfCheck = (items: number, own: Wait = wait()): string => {
      try {
        engine.checkAdmission(items, own)
        return 'admitted'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(codeOfCheck(1)).toBe('admitted')
    expect(codeOfCheck(2)).toBe('QueueFull')
    expect(codeOfCheck(1, wait(0))).toBe('DeadlineExceeded')
    expect(codeOfCheck(1, { ...wait(), signal: AbortSignal.abort() })).toBe('Abandoned')
    expect(seen.rejected).toEqual(['QueueFull', 'DeadlineExceeded', 'Abandoned'])
    await engine.close()
    expect(codeOfCheck(1)).toBe('EngineClosed')
  })

  test('a job past its deadline is dropped from the queue and never runs', async () => {
    const { engine, seen } = await startDying()
    const running = engine.infer([item(ON.slow)], wait())
    expect(await codeOf(engine.infer([item(ON.answer)], wait(20)))).toBe('DeadlineExceeded')
    await running
    expect(seen).toMatchObject({ inferred: 1, rejected: ['DeadlineExceeded'] })
  })

  test('an abandoned job never runs', async () => {
    const { engine, seen } = await startDying()
    const controller = new AbortController()
    const running = engine.infer([item(ON.slow)], wait())
    const abandoned = codeOf(engine.infer([item(ON.answer)], { ...wait(), signal: controller.signal }))
    controller.abort()
    expect(await abandoned).toBe('Abandoned')
    await running
    expect(seen.inferred).toBe(1)
  })

  test('one failing text of several fails all of them, and what waits of them never runs', async () => {
    const { engine, seen } = await startDying()
    const batch = engine.infer([item(ON.fail), item(ON.slow), item(ON.answer)], wait())
    expect(await codeOf(batch)).toBe('InferenceFailed')
    expect(engine.queued).toBe(0)
    await engine.infer([item(ON.answer)], wait())
    expect(seen.inferred).toBeLessThanOrEqual(2)
  })

  test.each([
    ['throws', ON.throw],
    ['exits', ON.exit],
  ])('a worker that %s is replaced, its job is tried once more and then refused', async (_, id) => {
    const { engine, seen } = await startDying()
    const poison = codeOf(engine.infer([item(id)], wait()))
    const other = engine.infer([item(ON.answer)], wait())
    expect(await poison).toBe('WorkerLost')
    expect(await other).toEqual([Float32Array.of(ON.answer, 0)])
    expect(seen.restarted).toBe(2)
    expect(engine.liveWorkers).toBe(1)
  })

  test('close finishes what was admitted and takes nothing more', async () => {
    const { engine } = await startDying()
    const admitted = [engine.infer([item(ON.slow)], wait()), engine.infer([item(ON.slow), item(ON.answer)], wait())]
    const closed = engine.close()
    expect(await codeOf(engine.infer([item(ON.answer)], wait()))).toBe('EngineClosed')
    expect(await Promise.all(admitted.map(codeOf))).toEqual(['answered', 'answered'])
    await closed
    expect(engine.liveWorkers).toBe(0)
  })

  test('close while a run is under way does not abort the process', async () => {
    const { engine } = await start({ workers: 2 })
    const jobs = Array.from({ length: 50 }, () => engine.infer([item(...expectedIds('a good film'))], wait()))
    await engine.close()
    expect(await Promise.all(jobs.map(codeOf))).toEqual(jobs.map(() => 'answered'))
  })
})
