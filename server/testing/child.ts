/** Runs an entry point as the process it is in a pod. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Child {
  process: ChildProcess
  /** Everything it wrote so far. */
  output(): string
  exited: Promise<number | null>
  /** The first match in its output; rejects where it ends before. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
}

export function startEntry(entry: string, args: string[], env: Record<string, string>): Child {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../${entry}`, import.meta.url)), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const listener of listeners) listener()
    })
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    process: child,
    output: () => output,
    exited,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output)
          if (match === null) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        void exited.then((code) => reject(new Error(`ended with ${code} before ${pattern}: ${output}`)))
        look()
      }),
  }
}
