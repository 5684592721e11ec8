import { spawn } from 'node:child_process'

/** After SIGTERM: a training run writes down how far it is. */
const GRACE_MS = 20_000

/** What it wrote to standard output. What it says beside that is shown where it fails. */
export async function run(
  program: string,
  args: readonly string[],
  { signal, input, env }: { signal: AbortSignal; input?: string; env?: Record<string, string> },
): Promise<string> {
  signal.throwIfAborted()
  // A process group of its own, so that ending it ends what it started too.
  const child = spawn(program, args, { env: { ...process.env, ...env }, detached: true, stdio: 'pipe' })
  const kill = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  let killer: NodeJS.Timeout | undefined
  const end = (): void => {
    kill('SIGTERM')
    killer = setTimeout(kill, GRACE_MS, 'SIGKILL')
  }
  const endAtOnce = (): void => kill('SIGKILL')
  signal.addEventListener('abort', end)
  process.once('exit', endAtOnce)
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  // A program that ends early does not read it all, and then its exit status says why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  try {
    const status = await promise
    signal.throwIfAborted()
    if (status !== 0)
      throw new Error(`${program} ended with ${String(status)}:\n${Buffer.concat(errors).toString().slice(-3000)}`)
    return Buffer.concat(output).toString()
  } finally {
    signal.removeEventListener('abort', end)
    process.removeListener('exit', endAtOnce)
    clearTimeout(killer)
  }
}
