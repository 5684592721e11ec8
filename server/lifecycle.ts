/** Whether this pod takes requests: starting -> ready -> draining. */

export interface Lifecycle {
  readonly isDraining: boolean
  /** Undefined when ready; otherwise why not. */
  notReadyReason(): string | undefined
  /** The golden inference has passed. */
  markReady(): void
  startDraining(): void
}

export function createLifecycle(engine: { liveWorkers: number }): Lifecycle {
  let phase: 'starting' | 'ready' | 'draining' = 'starting'
  return {
    get isDraining() {
      return phase === 'draining'
    },
    notReadyReason() {
      if (phase === 'starting') return 'the golden inference has not passed yet'
      if (phase === 'draining') return 'the server is shutting down'
      return engine.liveWorkers === 0 ? 'no inference worker is alive' : undefined
    },
    markReady() {
      if (phase === 'starting') phase = 'ready'
    },
    startDraining() {
      phase = 'draining'
    },
  }
}
