/** What the figures were measured on: logits depend on the CPU's instructions and on the versions of the libraries. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Cpu } from '../inference/cpu.ts'
import type { EvaluationReport } from './report.ts'

export function describeEnvironment(workers: number, cpu: Cpu): EvaluationReport['environment'] {
  return {
    cpu: cpu.model,
    cpuFlags: [...(cpu.flags ?? [])],
    workers,
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node'),
    tokenizers: versionOf('@huggingface/tokenizers'),
  }
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url)
  // Its exports hide package.json, so it is read from the folder of its entry.
  const folder = require.resolve(name).replace(new RegExp(`(node_modules/${name})/.*`), '$1')
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string }
  return version
}
