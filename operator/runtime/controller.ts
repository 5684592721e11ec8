import type { Logger } from 'pino'
import { type Clock, startDeadline } from './clock.ts'
import type { RuntimeMetrics } from './metrics.ts'
import type { WorkQueue } from './workqueue.ts'

/** Nothing but which object: a reconciler depends on what is, never on what happened. */
export interface ReconcileRequest {
  namespace: string
  name: string
}

export interface ReconcileResult {
  /** Look again after this many milliseconds, unless something happens before. */
  requeueAfterMs?: number | undefined
}

/** Must settle soon after the signal is aborted (deadline, shutdown, lease lost). */
export type Reconcile = (request: ReconcileRequest, signal: AbortSignal) => Promise<ReconcileResult>

export interface ControllerOptions {
  /** Label of its metrics and log lines. */
  name: string
  queue: WorkQueue
  reconcile: Reconcile
  concurrency: number
  /** For one reconciliation. */
  deadlineMs: number
  clock: Clock
  log: Logger
  metrics: RuntimeMetrics
}

/** Works on the queue until the signal is aborted; resolves when every reconciliation that had begun has settled. */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue, concurrency } = options
  const stop = () => queue.shutdown()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.all(Array.from({ length: concurrency }, () => work(options, signal)))
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function work(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue } = options
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      await reconcileOne(options, key, signal)
    } finally {
      queue.done(key)
    }
  }
}

async function reconcileOne(options: ControllerOptions, key: string, signal: AbortSignal): Promise<void> {
  const { name: controller, queue, reconcile, deadlineMs, metrics, clock, log } = options
  const begin = clock.monotonic()
  metrics.activeWorkers.inc({ controller })
  const deadline = startDeadline({
    clock,
    ms: deadlineMs,
    expired: () => new ReconcileTimeoutError(deadlineMs),
    signal,
  })
  try {
    // Waited for to its very end, whatever the deadline: a key is never worked on twice at once.
    const { requeueAfterMs } = await reconcile(requestOf(key), deadline.signal)
    queue.forget(key)
    if (requeueAfterMs === undefined) {
      metrics.reconciles.inc({ controller, result: 'success' })
    } else {
      metrics.reconciles.inc({ controller, result: 'requeue_after' })
      queue.addAfter(key, requeueAfterMs)
    }
  } catch (err) {
    if (signal.aborted) {
      log.debug({ controller, key, err }, 'reconciliation ended by shutdown')
      return
    }
    metrics.reconciles.inc({ controller, result: 'error' })
    metrics.reconcileErrors.inc({ controller })
    const retryInMs = Math.round(queue.addRateLimited(key))
    log.error({ controller, key, err, failures: queue.failures(key), retryInMs }, 'reconciliation failed')
  } finally {
    deadline.clear()
    metrics.activeWorkers.dec({ controller })
    metrics.reconcileSeconds.observe({ controller }, (clock.monotonic() - begin) / 1000)
  }
}

function requestOf(key: string): ReconcileRequest {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) }
}

export class ReconcileTimeoutError extends Error {
  override readonly name = 'ReconcileTimeoutError'
  readonly code = 'RECONCILE_TIMEOUT'

  constructor(deadlineMs: number) {
    super(`the reconciliation did not end within ${deadlineMs} ms`)
  }
}
