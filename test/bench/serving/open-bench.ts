/** Everything that is made before anything is measured: our server compiled, the model, the texts, PyTorch's answers, the environments. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { say } from '../progress.ts'
import { readArtifact, trainArtifact } from './artifact.ts'
import type { Bench, BenchText } from './bench.ts'
import { readImdb, readSst2 } from './labelled-texts.ts'
import { startLoadGenerator } from './load/load-generator.ts'
import { readReference } from './reference.ts'
import type { Results } from './results.ts'
import { run } from './run-program.ts'
import { keyOf, SERVERS } from './servers.ts'
import type { Sizes } from './sizes.ts'
import { ordersOf } from './workloads.ts'

export interface Wanted {
  /** Undefined: one is trained from the data. */
  artifact: string | undefined
  data: string
  cache: string
  folder: string
  sizes: Sizes
  results: () => Results
}

export async function openBench(wanted: Wanted, signal: AbortSignal): Promise<Bench> {
  const { data, cache, folder, sizes, results } = wanted
  const artifact =
    wanted.artifact === undefined ? await trainArtifact(data, cache, signal) : readArtifact(wanted.artifact)
  const sources = [
    ...readSst2(data)
      .slice(0, sizes.sentences)
      .map((text) => ({ ...text, kind: 'sentence' as const })),
    ...readImdb(data, sizes.reviews).map((text) => ({ ...text, kind: 'review' as const })),
  ]
  const python = await pythonOf('requirements.lock', signal)
  const servers = sizes.servers.map((key) => {
    const server = SERVERS.find((one) => keyOf(one) === key)
    if (server === undefined)
      throw new Error(`--servers ${key}: there are ${SERVERS.map((one) => `'${keyOf(one)}'`).join(', ')}`)
    return server
  })
  const usesInfinity = servers.some(({ dialect }) => dialect === 'infinity')
  const infinityPython = usesInfinity ? await pythonOf('infinity.lock', signal) : python
  say('compiling the server ...')
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { signal })
  const asked = sources.map(({ text }) => text)
  const reference = await readReference({ artifact, texts: asked, python, cache }, signal)
  const texts = sources.map((source, index): BenchText => {
    const ids = reference.ids[index] ?? []
    return {
      ...source,
      ids,
      tokens: ids.length,
      label: reference.labels[index] ?? '',
      score: reference.scores[index] ?? 0,
    }
  })
  const { version, digest, source, maxLength } = artifact
  const { torch, transformers } = reference
  return {
    artifact,
    model: { version, digest, source, maxLength, torch, transformers },
    setting: { artifact, cores: availableParallelism(), python, infinityPython },
    texts,
    orders: ordersOf(texts, artifact.maxLength),
    generator: await startLoadGenerator(texts.map(({ text, label, score }) => ({ text, label, score }))),
    folder,
    servers,
    sizes,
    results,
    signal,
  }
}

async function pythonOf(lock: string, signal: AbortSignal): Promise<string> {
  const folder = await run('dev/python-venv.sh', [join('test/bench/serving/opponents', lock)], { signal })
  return join(folder.trim(), 'bin/python')
}
