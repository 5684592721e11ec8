/** The CPU under this process: what int8 costs, and how the last bits of a logit are rounded, depends on its instruction sets. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

export interface Cpu {
  model: string
  /** Those of the instruction sets that matter here; undefined where the system doesn't tell. */
  flags: readonly string[] | undefined
}

/** Any of these multiplies bytes and adds up the products in one instruction. Names of /proc/cpuinfo on x86-64 and arm64. */
export const INT8_FLAGS = ['avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm']

const FLAGS = ['avx2', 'avx512f', ...INT8_FLAGS, 'amx_bf16', 'bf16', 'sve']

export function describeCpu(): Cpu {
  return { model: cpus()[0]?.model ?? 'unknown', flags: cpuFlags(readCpuInfo()) }
}

/** `flags : fpu avx2 avx512_vnni` of /proc/cpuinfo gives avx2 and avx512_vnni. */
export function cpuFlags(cpuInfo: string): string[] | undefined {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]
  if (line === undefined) return undefined
  const present = new Set(line.trim().split(/\s+/))
  return FLAGS.filter((flag) => present.has(flag))
}

/** What to tell who serves int8 on a CPU that has to take several instructions for each of its steps; undefined: nothing. */
export function int8Warning({ flags }: Pick<Cpu, 'flags'>): string | undefined {
  if (flags === undefined || flags.some((flag) => INT8_FLAGS.includes(flag))) return undefined
  return (
    `int8 is served on a CPU without int8 instructions (none of ${INT8_FLAGS.join(', ')}): answers are right, but int8 gains little ` +
    'over fp32 here, or loses. Name nodes that have them in spec.serving.nodeSelector, or set spec.serving.precision: fp32'
  )
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    // Not Linux.
    return ''
  }
}
