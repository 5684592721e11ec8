/** What the figures were measured on: logits depend on the CPU's instructions and on the versions of the libraries. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createRequire } from 'node:module'
import type { EvaluationReport } from './report.ts'

/** Names of /proc/cpuinfo on x86-64 and arm64. */
const FLAGS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8', 'amx_bf16', 'asimddp', 'i8mm', 'bf16', 'sve']

export function describeEnvironment(workers: number): EvaluationReport['environment'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpuFlags: cpuFlags(readCpuInfo()),
    workers,
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node'),
    tokenizers: versionOf('@huggingface/tokenizers'),
  }
}

export function cpuFlags(cpuInfo: string): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1] ?? ''
  const present = new Set(line.trim().split(/\s+/))
  return FLAGS.filter((flag) => present.has(flag))
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    // Not Linux: the report then names no flags.
    return ''
  }
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url)
  // Its exports hide package.json, so it is read from the folder of its entry.
  const folder = require.resolve(name).replace(new RegExp(`(node_modules/${name})/.*`), '$1')
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string }
  return version
}
