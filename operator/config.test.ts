import { expect, test } from 'vitest'
import { ConfigError, parseConfig } from './config.ts'

const required = ['--server-image', 'server:1', '--trainer-image', 'trainer:1']
const refusal = (...args: string[]) => {
  try {
    parseConfig(args)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return undefined
}

test('the images are enough: all namespaces are watched, and the lease is in the own one', () => {
  expect(parseConfig(required)).toEqual({
    images: { server: 'server:1', trainer: 'trainer:1' },
    imagePullPolicy: 'IfNotPresent',
    watchNamespaces: [],
    leaseNamespace: undefined,
    leaseName: 'valence-operator',
    port: 8080,
    logLevel: 'info',
  })
})

test('every flag is taken, and a namespace that is named twice is watched once', () => {
  const watch = ['--watch-namespace', 'shop', '--watch-namespace=support', '--watch-namespace', 'shop']
  const lease = ['--lease-namespace', 'valence', '--lease-name', 'mine']
  const more = ['--image-pull-policy', 'Never', '--port', '0', '--log-level', 'debug']
  expect(parseConfig([...required, ...watch, ...lease, ...more])).toMatchObject({
    imagePullPolicy: 'Never',
    watchNamespaces: ['shop', 'support'],
    leaseNamespace: 'valence',
    leaseName: 'mine',
    port: 0,
    logLevel: 'debug',
  })
})

test('a missing image is named', () => {
  expect(refusal()).toMatch(/^the operator's flags are wrong: --server-image: .*; --trainer-image: /)
})

test.each([
  [['--port', 'http'], '--port'],
  [['--port', '70000'], '--port'],
  [['--image-pull-policy', 'Sometimes'], '--image-pull-policy'],
  [['--log-level', 'loud'], '--log-level'],
  [['--server-imag', 'x'], "'--server-imag'"],
  [['--port'], "'--port"],
  [['shop'], "'shop'"],
])('%j is refused, and the flag is named', (args, name) => {
  expect(refusal(...required, ...args)).toContain(name)
})
