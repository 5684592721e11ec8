/** Time is a dependency: whatever waits or measures takes a Clock, so that its tests need no waiting. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. May jump; never subtract two of them to measure a duration. */
  now(): number
  /** Milliseconds since an arbitrary start, never going back: for durations and deadlines inside this process. */
  monotonic(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason once it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A longer delay would overflow Node's timer, which then fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error)
        return
      }
      const abort = () => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
        Math.min(Math.max(ms, 0), LONGEST_TIMER_MS),
      )
      signal?.addEventListener('abort', abort, { once: true })
    }),
}
