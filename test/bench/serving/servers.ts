/** The servers that are compared, and how each is started. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SERVER_ENV } from '../../../contract/names.ts'
import type { Artifact } from './artifact.ts'
import type { Dialect } from './load/dialect.ts'
import type { Precision } from './results.ts'

export interface Launch {
  command: string
  args: string[]
  env: Record<string, string>
  cwd: string
  url: string
  metricsUrl: string
  readyPath: string
}

export interface Setting {
  artifact: Artifact
  cores: number
  port: number
  metricsPort: number
  /** Interpreters of the two environments. */
  python: string
  infinityPython: string
}

export interface Server {
  name: string
  precision: Precision
  /** For the page. */
  what: string
  dialect: Dialect
  role: 'ours' | 'original' | 'tuned' | 'peer'
  launch: (setting: Setting) => Launch
}

const OPPONENTS = resolve('test/bench/serving/opponents')

/** Nothing is looked for on the Hub, and nothing is told to anyone. */
const OFFLINE = {
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  DO_NOT_TRACK: '1',
  PYTHONDONTWRITEBYTECODE: '1',
}

export function valence(precision: Precision, env: Record<string, string> = {}): Server {
  return {
    name: 'valence',
    precision,
    what: 'The serving pod of this repository, compiled, with its defaults',
    dialect: 'predict',
    role: 'ours',
    launch: ({ artifact, port, metricsPort }) => ({
      ...addresses(port, metricsPort, '/readyz'),
      command: process.execPath,
      args: ['dist/server/main.js'],
      cwd: resolve('.'),
      // As the image and the operator start a pod.
      env: {
        ...imageEnvironment(readFileSync('Dockerfile.server', 'utf8')),
        [SERVER_ENV.artifactDir]: artifact.directory,
        [SERVER_ENV.expectedDigest]: artifact.digest,
        [SERVER_ENV.precision]: precision,
        PORT: String(port),
        METRICS_PORT: String(metricsPort),
        ...env,
      },
    }),
  }
}

/** What the image's last stage sets. */
export function imageEnvironment(dockerfile: string): Record<string, string> {
  const stage = dockerfile.split(/^FROM /m).at(-1) ?? ''
  const settings = [...stage.matchAll(/^ENV (.+)$/gm)].flatMap(([, line = '']) => line.split(' '))
  const pairs = settings.map((setting): [string, string] => {
    const [name = '', value = ''] = setting.split('=', 2)
    return [name, value]
  })
  return Object.fromEntries(pairs)
}

function original(isTuned: boolean): Server {
  return {
    name: isTuned ? 'original-tuned' : 'original',
    precision: 'fp32',
    what: isTuned
      ? 'The same with a process for each core, one thread of PyTorch in each, no access log'
      : 'FastAPI, the transformers pipeline and prometheus_client, one process, as tutorials write it',
    dialect: 'predict',
    role: isTuned ? 'tuned' : 'original',
    launch: (setting) =>
      uvicorn(setting, 'original:app', isTuned, {
        CHECKPOINT: setting.artifact.checkpoint,
        MAX_LENGTH: String(setting.artifact.maxLength),
        METRICS_PORT: String(setting.metricsPort),
        ...(isTuned && { TORCH_THREADS: '1', OMP_NUM_THREADS: '1' }),
      }),
  }
}

function onnxPython(precision: Precision, maxBatch: number): Server {
  return {
    name: maxBatch === 1 ? 'onnx-python' : 'onnx-python-batching',
    precision,
    what:
      maxBatch === 1
        ? 'FastAPI over Python ONNX Runtime and tokenizers, a process for each core, one thread each, text by text'
        : `The same with dynamic batches of up to ${maxBatch} texts`,
    dialect: 'predict',
    role: 'peer',
    launch: (setting) =>
      uvicorn(setting, 'onnx_server:app', true, {
        ARTIFACT: setting.artifact.directory,
        MODEL_FILE: `model.${precision}.onnx`,
        LABELS: setting.artifact.labels.join(','),
        MAX_LENGTH: String(setting.artifact.maxLength),
        MAX_BATCH: String(maxBatch),
      }),
  }
}

const infinity: Server = {
  name: 'infinity',
  precision: 'fp32',
  what: 'infinity-emb on PyTorch, dynamic batches, one process with all cores',
  dialect: 'infinity',
  role: 'peer',
  launch: ({ artifact, port, metricsPort, infinityPython }) => ({
    ...addresses(port, metricsPort, '/health'),
    command: join(infinityPython, '../infinity_emb'),
    args: [
      ...['v2', '--model-id', artifact.checkpoint, '--served-model-name', 'sentiment', '--engine', 'torch'],
      ...['--device', 'cpu', '--dtype', 'float32', '--no-bettertransformer', '--no-compile', '--no-model-warmup'],
      ...['--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    ],
    cwd: OPPONENTS,
    env: { ...OFFLINE, INFINITY_ANONYMOUS_USAGE_STATS: '0' },
  }),
}

const MAX_BATCH = 16

/** In the order of a round. */
export const SERVERS: readonly Server[] = [
  valence('int8'),
  original(false),
  onnxPython('int8', 1),
  valence('fp32'),
  original(true),
  onnxPython('int8', MAX_BATCH),
  infinity,
  onnxPython('fp32', 1),
]

export const keyOf = ({ name, precision }: { name: string; precision: Precision }): string => `${name} ${precision}`

function uvicorn(setting: Setting, app: string, isTuned: boolean, env: Record<string, string>): Launch {
  const { port, metricsPort, cores, python } = setting
  const tuning = ['--workers', String(cores), '--no-access-log', '--loop', 'uvloop', '--http', 'httptools']
  return {
    ...addresses(port, metricsPort, '/health'),
    command: python,
    args: [
      ...['-m', 'uvicorn', app, '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
      ...(isTuned ? tuning : []),
    ],
    cwd: OPPONENTS,
    env: { ...OFFLINE, ...env },
  }
}

const addresses = (port: number, metricsPort: number, readyPath: string) => ({
  url: `http://127.0.0.1:${port}`,
  metricsUrl: `http://127.0.0.1:${metricsPort}`,
  readyPath,
})
