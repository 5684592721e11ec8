import { expect, test } from 'vitest'
import { SERVER_ENV } from '../contract/names.ts'
import { ConfigError, readConfig } from './config.ts'

const minimal = { [SERVER_ENV.artifactDir]: '/artifacts/v1' }

test('only the artifact directory is required', () => {
  expect(readConfig(minimal)).toMatchObject({
    artifactDir: '/artifacts/v1',
    precision: 'fp32',
    expectedDigest: undefined,
    routingFile: undefined,
    workers: undefined,
    maxTextCharacters: 50_000,
    port: 8000,
    metricsPort: 8001,
  })
})

test('an empty variable is one that is not set', () => {
  expect(readConfig({ ...minimal, PRECISION: '', EXPECTED_DIGEST: '' })).toMatchObject({ precision: 'fp32' })
})

test.each<[string, Record<string, string>, RegExp]>([
  ['no artifact', { ARTIFACT_DIR: '' }, /ARTIFACT_DIR is missing: set it/],
  ['an unknown precision', { PRECISION: 'fp16' }, /PRECISION must be fp32 or int8, found "fp16"/],
  ['a digest without its algorithm', { EXPECTED_DIGEST: 'abc' }, /EXPECTED_DIGEST must be sha256:/],
  ['a port beyond the range', { PORT: '70000' }, /PORT must be at most 65535, found "70000"/],
  ['a number that is none', { WORKERS: '2.5' }, /WORKERS must be a whole number, found "2.5"/],
  ['no workers', { WORKERS: '0' }, /WORKERS must be at least 1/],
  ['one port for both', { PORT: '9000', METRICS_PORT: '9000' }, /PORT and METRICS_PORT are both 9000: give one/],
  [
    'a batch that can never wait',
    { MAX_BATCH_TEXTS: '64', QUEUE_LIMIT: '32' },
    /lower MAX_BATCH_TEXTS or raise QUEUE_LIMIT/,
  ],
  ['a log level that there is not', { LOG_LEVEL: 'loud' }, /LOG_LEVEL must be fatal, error/],
  ['a model name with a slash', { MODEL_NAME: 'a/b' }, /MODEL_NAME must be a name/],
])('refuses %s with what to change', (_, env, message) => {
  expect(() => readConfig({ ...minimal, ...env })).toThrow(ConfigError)
  expect(() => readConfig({ ...minimal, ...env })).toThrow(message)
})

test('names every problem at once', () => {
  expect(() => readConfig({ PORT: 'x', WORKERS: 'y' })).toThrow(/ARTIFACT_DIR .*; PORT .*; WORKERS /)
})
