import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem, type } from 'node:os'
import { z } from 'zod'

export const machine = z.object({
  cpus: z.int().nonnegative(),
  model: z.string(),
  memoryGiB: z.number(),
  system: z.string(),
  node: z.string(),
  kubernetes: z.string().optional(),
  /** Of those that decide how fast int8 is: avx2, avx512f, avx512_vnni, avx_vnni, amx_int8. */
  instructions: z.array(z.string()).optional(),
})
export type Machine = z.infer<typeof machine>

export function thisMachine(): Machine {
  return {
    cpus: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: system(),
    node: process.versions.node,
  }
}

const INSTRUCTIONS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8']

/** As the kernel names them on x86; elsewhere none of these. */
export function vectorInstructions(): string[] {
  const [, flags = ''] = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? []
  const known = new Set(flags.trim().split(' '))
  return INSTRUCTIONS.filter((name) => known.has(name))
}

function system(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? type()
  } catch {
    return type()
  }
}
