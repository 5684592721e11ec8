import { expect, test } from 'vitest'
import { describeEnvironment } from './environment.ts'

test('names the CPU and the versions of the libraries in use', () => {
  const version = expect.stringMatching(/^\d+\.\d+\.\d+/) as string
  expect(describeEnvironment(2, { model: 'Zen 4', flags: ['avx512_vnni'] })).toEqual({
    cpu: 'Zen 4',
    cpuFlags: ['avx512_vnni'],
    workers: 2,
    node: version,
    onnxruntime: version,
    tokenizers: version,
  })
})

test('a system that does not tell has no flags', () => {
  expect(describeEnvironment(1, { model: 'M3', flags: undefined }).cpuFlags).toEqual([])
})
