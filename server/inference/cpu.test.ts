import { expect, test } from 'vitest'
import { cpuFlags, describeCpu, int8Warning } from './cpu.ts'

test('names the instruction sets that int8 depends on', () => {
  expect(cpuFlags('processor : 0\nflags\t\t: fpu sse avx2 avx512f avx512_vnni\n')).toEqual([
    'avx2',
    'avx512f',
    'avx512_vnni',
  ])
  expect(cpuFlags('Features\t: fp asimd asimddp i8mm\n')).toEqual(['asimddp', 'i8mm'])
  expect(cpuFlags('flags\t\t: fpu sse\n')).toEqual([])
  expect(cpuFlags('')).toBeUndefined()
})

test('every CPU has a model, if only an unknown one', () => {
  expect(describeCpu().model).not.toBe('')
})

test('int8 is warned of where the CPU is known to lack its instructions, and nowhere else', () => {
  for (const flags of [undefined, ['avx2', 'avx_vnni'], ['avx512f', 'avx512_vnni'], ['amx_int8'], ['asimddp']]) {
    expect(int8Warning({ flags })).toBeUndefined()
  }
  for (const flags of [[], ['avx2'], ['avx2', 'avx512f', 'amx_bf16'], ['bf16', 'sve']]) {
    expect(int8Warning({ flags })).toMatch(/avx512_vnni.*spec\.serving\.precision: fp32/)
  }
})
