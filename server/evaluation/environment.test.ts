import { expect, test } from 'vitest'
import { cpuFlags, describeEnvironment } from './environment.ts'

test('names the instruction sets that int8 depends on', () => {
  expect(cpuFlags('processor : 0\nflags\t\t: fpu sse avx2 avx512f avx512_vnni\n')).toEqual([
    'avx2',
    'avx512f',
    'avx512_vnni',
  ])
  expect(cpuFlags('Features\t: fp asimd asimddp i8mm\n')).toEqual(['asimddp', 'i8mm'])
  expect(cpuFlags('')).toEqual([])
})

test('names the versions of the libraries in use', () => {
  expect(describeEnvironment(2)).toMatchObject({
    workers: 2,
    onnxruntime: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    tokenizers: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
  })
})
