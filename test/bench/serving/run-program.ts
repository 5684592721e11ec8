import { spawn } from 'node:child_process'

/** What it wrote to standard output. What it says beside that is shown where it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: { signal: AbortSignal; input?: string; env?: Record<string, string>; cwd?: string },
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    signal: options.signal,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  // A program that ends early does not read it all, and then its exit status says why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  const status = await promise
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(' ')} ended with ${String(status)}:\n${Buffer.concat(errors).toString().slice(-3000)}`,
    )
  return Buffer.concat(output).toString()
}
