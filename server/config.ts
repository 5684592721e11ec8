/** The environment of a serving pod, checked: what is missing or contradictory is refused with a sentence that says what to change. */
import { z } from 'zod'
import { PORTS, SERVER_ENV } from '../contract/names.ts'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))

const port = integer(0, 65_535)
const MINUTE_MS = 60_000

/** The longest deadline that a request may ask for. */
export const MAX_TIMEOUT_MS = 10 * MINUTE_MS

const environment = z.object({
  [SERVER_ENV.artifactDir]: z.string({ error: 'is missing: set it to the artifact directory to serve' }).min(1),
  [SERVER_ENV.expectedDigest]: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256:<64 hexadecimal digits>, the digest of manifest.json')
    .optional(),
  [SERVER_ENV.precision]: z.enum(['fp32', 'int8'], { error: 'must be fp32 or int8' }).default('fp32'),
  [SERVER_ENV.routingFile]: z.string().optional(),
  [SERVER_ENV.modelName]: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/, 'must be a name of letters, digits, "-", "_" and "."')
    .default('sentiment'),
  PORT: port.default(PORTS.api),
  METRICS_PORT: port.default(PORTS.metrics),
  /** Worker threads; they share the model's weights. */
  WORKERS: integer(1, 256).optional(),
  /** Texts that may wait for a worker. */
  QUEUE_LIMIT: integer(1, 1_000_000).default(512),
  /** Deadline of a request that names none. */
  DEFAULT_TIMEOUT_MS: integer(1, MAX_TIMEOUT_MS).default(10_000),
  MAX_BODY_BYTES: integer(1024, 64 * 1024 * 1024).default(1024 * 1024),
  /** Characters of one text; beyond the model's tokens they are only cut off, but tokenizing them costs everyone. */
  MAX_TEXT_CHARACTERS: integer(1, 10_000_000).default(50_000),
  MAX_BATCH_TEXTS: integer(1, 100_000).default(128),
  /** After SIGTERM: how long new connections are still taken, until every endpoint list has forgotten this pod. */
  DRAIN_DELAY_MS: integer(0, 5 * MINUTE_MS).default(3_000),
  /** After that: how long the requests in hand may take. */
  DRAIN_TIMEOUT_MS: integer(0, 30 * MINUTE_MS).default(20_000),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent',
    })
    .default('info'),
})

export interface ServerConfig {
  artifactDir: string
  expectedDigest: string | undefined
  precision: 'fp32' | 'int8'
  routingFile: string | undefined
  modelName: string
  port: number
  metricsPort: number
  /** Undefined: as many as the CPUs and the memory carry. */
  workers: number | undefined
  queueLimit: number
  defaultTimeoutMs: number
  maxBodyBytes: number
  maxTextCharacters: number
  maxBatchTexts: number
  drainDelayMs: number
  drainTimeoutMs: number
  logLevel: string
}

/** @throws ConfigError */
export function readConfig(env: NodeJS.ProcessEnv): ServerConfig {
  // An empty variable is how a manifest spells "not set".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => {
      const name = issue.path.join('.')
      const found = given[name]
      return `${name} ${issue.message}${found === undefined ? '' : `, found "${found}"`}`
    })
    throw new ConfigError(problems.join('; '))
  }
  const values = parsed.data
  if (values.PORT === values.METRICS_PORT && values.PORT !== 0) {
    throw new ConfigError(`PORT and METRICS_PORT are both ${values.PORT}: give one of them another port`)
  }
  if (values.MAX_BATCH_TEXTS > values.QUEUE_LIMIT) {
    throw new ConfigError(
      `MAX_BATCH_TEXTS (${values.MAX_BATCH_TEXTS}) is above QUEUE_LIMIT (${values.QUEUE_LIMIT}), so such a batch could ` +
        'never be taken: lower MAX_BATCH_TEXTS or raise QUEUE_LIMIT',
    )
  }
  return {
    artifactDir: values.ARTIFACT_DIR,
    expectedDigest: values.EXPECTED_DIGEST,
    precision: values.PRECISION,
    routingFile: values.ROUTING_FILE,
    modelName: values.MODEL_NAME,
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    workers: values.WORKERS,
    queueLimit: values.QUEUE_LIMIT,
    defaultTimeoutMs: values.DEFAULT_TIMEOUT_MS,
    maxBodyBytes: values.MAX_BODY_BYTES,
    maxTextCharacters: values.MAX_TEXT_CHARACTERS,
    maxBatchTexts: values.MAX_BATCH_TEXTS,
    drainDelayMs: values.DRAIN_DELAY_MS,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
    logLevel: values.LOG_LEVEL,
  }
}
