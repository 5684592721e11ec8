/** A server as a process: started, waited for until it is ready, and ended with all that it started. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Launch } from './servers.ts'
import { cpuMsOf, treeOf } from './process-tree.ts'

const READY_TIMEOUT_MS = 180_000
const LOOK_EVERY_MS = 10
const STOP_TIMEOUT_MS = 15_000
const QUIET = { shareOfACore: 0.1, windowMs: 250, atMostMs: 30_000 }

export interface RunningServer {
  url: string
  metricsUrl: string
  /** From the start of the process until the first answer that says so. */
  readyMs: number
  pids(): number[]
  /** Until it has done what it was still at: other workers of it that load, or requests whose callers have left. */
  quiet(): Promise<void>
  log(): string
  stop(): Promise<void>
}

/** Groups of processes that are still there; each is led by a process that was started here. */
const groups = new Set<number>()
// Also where this process ends by an error: nothing of it may go on using the cores.
process.on('exit', () => {
  for (const group of groups) signal(group, 'SIGKILL')
})

export async function startServer(launch: Launch, logFile: string): Promise<RunningServer> {
  const log = openSync(logFile, 'w')
  const began = performance.now()
  const child = spawn(launch.command, launch.args, {
    cwd: launch.cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...launch.env },
    stdio: ['ignore', log, log],
    // A process group of its own, so that its workers end with it.
    detached: true,
  })
  closeSync(log)
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const { pid } = child
  if (pid === undefined) throw new Error(`${launch.command} could not be started`)
  groups.add(pid)
  const read = () => readFileSync(logFile, 'utf8')
  try {
    await waitUntilReady(launch, child, began, read)
  } catch (error) {
    await stop(pid, exited)
    throw error
  }
  const readyMs = performance.now() - began
  return {
    url: launch.url,
    metricsUrl: launch.metricsUrl,
    readyMs,
    pids: () => treeOf(pid),
    quiet: () => waitUntilQuiet(pid),
    log: read,
    stop: () => stop(pid, exited),
  }
}

async function waitUntilReady(launch: Launch, child: ChildProcess, began: number, log: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${launch.command} ended before it was ready:\n${log().slice(-2000)}`)
    try {
      const { statusCode, body } = await request(`${launch.url}${launch.readyPath}`, { reset: true })
      await body.dump()
      if (statusCode === 200) return
    } catch {
      // Nobody listens yet.
    }
    if (performance.now() - began > READY_TIMEOUT_MS)
      throw new Error(`${launch.command} was not ready after ${READY_TIMEOUT_MS / 1000} s:\n${log().slice(-2000)}`)
    await sleep(LOOK_EVERY_MS)
  }
}

async function waitUntilQuiet(pid: number): Promise<void> {
  const end = performance.now() + QUIET.atMostMs
  while (performance.now() < end) {
    const before = cpuMsOf(treeOf(pid))
    await sleep(QUIET.windowMs)
    if (cpuMsOf(treeOf(pid)) - before <= QUIET.shareOfACore * QUIET.windowMs) return
  }
}

async function stop(pid: number, exited: Promise<void>): Promise<void> {
  signal(pid, 'SIGTERM')
  const ended = new AbortController()
  const late = sleep(STOP_TIMEOUT_MS, undefined, { signal: ended.signal }).catch(() => undefined)
  await Promise.race([exited, late])
  ended.abort()
  // Also workers that have outlived their parent.
  signal(pid, 'SIGKILL')
  await exited
  groups.delete(pid)
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
