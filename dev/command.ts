import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

export interface CommandOptions {
  /** File that gets everything the command says. */
  readonly log: string
  readonly signal: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs longer is ended and has failed. */
  readonly timeoutSeconds?: number
  /** Standard output is for the caller alone: a question asked every two seconds would fill the log. */
  readonly isQuestion?: boolean
}

const GRACE_MS = 10_000

/** A command that did not end well; what it wrote to standard output until then is in `output`. */
export class CommandFailed extends Error {
  readonly output: string

  constructor(message: string, output: string) {
    super(message)
    this.output = output
  }
}

/** Runs a command and gives what it wrote to standard output. Rejects with CommandFailed where its exit status is not 0. */
export async function command(line: readonly [string, ...string[]], options: CommandOptions): Promise<string> {
  const [program, ...args] = line
  const signal =
    options.timeoutSeconds === undefined
      ? options.signal
      : AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutSeconds * 1000)])
  signal.throwIfAborted()
  // A process group of its own, so that ending it ends what it started too.
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  const killGroup = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  let killer: NodeJS.Timeout | undefined
  const onAbort = () => {
    killGroup('SIGTERM')
    killer = setTimeout(() => {
      killGroup('SIGKILL')
    }, GRACE_MS)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk)
    if (options.isQuestion !== true) appendFileSync(options.log, chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    appendFileSync(options.log, chunk)
  })
  try {
    const status = await new Promise<string | undefined>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, killedBy) => {
        resolve(code === 0 ? undefined : killedBy === null ? `exit status ${String(code)}` : killedBy)
      })
    })
    if (signal.aborted && !options.signal.aborted)
      throw new CommandFailed(`${line.join(' ')}: not done after ${String(options.timeoutSeconds)} s`, text(output))
    if (status !== undefined) throw new CommandFailed(`${line.join(' ')}: ${status}`, text(output))
  } finally {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(killer)
  }
  return text(output)
}

const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('utf8')
