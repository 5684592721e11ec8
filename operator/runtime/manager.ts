import type { Logger } from 'pino'
import { type Clock, withDeadline } from './clock.ts'
import type { ProbeServer } from './probes.ts'

/** Something that runs until its signal is aborted; rejects if it can't go on. */
export interface Runnable {
  name: string
  run: (signal: AbortSignal) => Promise<void>
}

export interface Synced extends Runnable {
  /** Resolves when it knows the whole state once. */
  synced: (signal: AbortSignal) => Promise<void>
}

export interface Election {
  /** Resolves when this process leads. */
  acquired: (signal: AbortSignal) => Promise<void>
  /** Runs until the signal, then gives the lease back; rejects when the lease is lost. */
  run: (signal: AbortSignal) => Promise<void>
}

export interface ManagerOptions {
  probes: ProbeServer
  /** Run from the start, also while another replica leads, so that taking over is fast. */
  informers: readonly Synced[]
  /** Absent: this process leads at once. */
  election?: Election | undefined
  /** Run only while this process leads. */
  controllers: readonly Runnable[]
  /** For the informers' first lists; 2 min unless said. */
  syncTimeoutMs?: number
  /** For the work that runs when the stop comes; 20 s unless said. */
  graceMs?: number
  clock: Clock
  log: Logger
}

/** What the process should exit with. */
export type ManagerResult = { exitCode: 0 } | { exitCode: 1; reason: string; cause: unknown }

/**
 * Starts the probes, the informers, the election and the controllers, in this order, and runs them until `signal`.
 *
 * Graceful stop: controllers first, then the lease is given back, so that no other replica leads while this one may still write; then
 * informers and probes. Controllers that outlive their grace keep the lease from being given back: it has to run out.
 * When a part fails, or the lease is lost, the controllers' signal is aborted at once and the result is exit code 1: a process
 * that is in an unknown state is replaced rather than repaired.
 */
export async function runManager(options: ManagerOptions, signal: AbortSignal): Promise<ManagerResult> {
  const { probes, informers, election, controllers, clock, log, syncTimeoutMs = 120_000, graceMs = 20_000 } = options
  const failed = new AbortController()
  const stopControllers = new AbortController()
  const stopElection = new AbortController()
  const stopInformers = new AbortController()
  const fail = (reason: string, cause: unknown) => {
    if (failed.signal.aborted) return
    log.error({ err: cause }, reason)
    failed.abort({ exitCode: 1, reason, cause } satisfies ManagerResult)
    stopControllers.abort(new Error(reason))
  }
  const supervise = ({ name, run }: Runnable, stop: AbortController): Promise<void> =>
    run(stop.signal).then(
      () => {
        if (!stop.signal.aborted) fail(`${name} ended by itself`, undefined)
      },
      (error: unknown) => {
        if (!stop.signal.aborted || error !== stop.signal.reason) fail(`${name} failed`, error)
      },
    )
  const stopping = AbortSignal.any([signal, failed.signal])
  const running: { informers: Promise<void>[]; election?: Promise<void>; controllers: Promise<void>[] } = {
    informers: [],
    controllers: [],
  }

  try {
    const { port } = await probes.start()
    log.info({ port }, 'probes and metrics are served')
    running.informers = informers.map((informer) => supervise(informer, stopInformers))
    await withDeadline(
      { clock, ms: syncTimeoutMs, expired: () => new SyncTimeoutError(syncTimeoutMs), signal: stopping },
      async (deadline) => {
        await Promise.all(informers.map((informer) => informer.synced(deadline)))
      },
    )
    log.info('caches are in sync')
    if (election) {
      running.election = supervise({ name: 'leader election', run: (stop) => election.run(stop) }, stopElection)
      await election.acquired(stopping)
      log.info('leading')
    }
    running.controllers = controllers.map((controller) => supervise(controller, stopControllers))
    await aborted(stopping)
  } catch (error) {
    if (!stopping.aborted) fail('start failed', error)
  }

  log.info('stopping')
  stopControllers.abort(new Error('stopping'))
  const isIdle = await settledWithin(running.controllers, graceMs, clock)
  if (!isIdle) fail(`controllers did not stop within ${graceMs} ms`, undefined)
  // Giving the lease back while this process may still write would let two processes write.
  if (isIdle && running.election) {
    stopElection.abort(new Error('stopping'))
    await settledWithin([running.election], graceMs, clock)
  }
  stopInformers.abort(new Error('stopping'))
  await settledWithin(running.informers, graceMs, clock)
  await probes.close()
  return failed.signal.aborted ? (failed.signal.reason as ManagerResult) : { exitCode: 0 }
}

export class SyncTimeoutError extends Error {
  override readonly name = 'SyncTimeoutError'
  readonly code = 'SYNC_TIMEOUT'

  constructor(ms: number) {
    super(
      `the caches were not in sync within ${ms} ms: is the API server reachable, and may this service account list what it watches?`,
    )
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function settledWithin(running: readonly Promise<void>[], ms: number, clock: Clock): Promise<boolean> {
  const timer = new AbortController()
  const late = clock.sleep(ms, timer.signal).then(
    () => false,
    () => true,
  )
  const isSettled = await Promise.race([Promise.allSettled(running).then(() => true), late])
  timer.abort()
  return isSettled
}
