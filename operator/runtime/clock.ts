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

export interface DeadlineOptions {
  clock: Clock
  ms: number
  /** The reason of the signal when the time is over. */
  expired: () => Error
  /** Ends it earlier, with its own reason. */
  signal?: AbortSignal | undefined
}

/** A signal that is aborted after `ms`, or as the given one is. `clear` must be called once it is of no use any more. */
export function startDeadline({ clock, ms, expired, signal }: DeadlineOptions): { signal: AbortSignal; clear(): void } {
  const cleared = new AbortController()
  const ended = new AbortController()
  const end = () => ended.abort(signal?.reason)
  if (signal?.aborted) end()
  signal?.addEventListener('abort', end, { once: true })
  clock.sleep(ms, cleared.signal).then(
    () => ended.abort(expired()),
    () => undefined, // cleared first
  )
  return {
    signal: ended.signal,
    clear: () => {
      cleared.abort()
      signal?.removeEventListener('abort', end)
    },
  }
}

/** Runs `work` under a deadline. A work that ignores its signal is not waited for: the promise rejects all the same. */
export async function withDeadline<T>(options: DeadlineOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = startDeadline(options)
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(deadline.signal.reason as Error)
    deadline.signal.addEventListener('abort', abort, { once: true })
  })
  try {
    deadline.signal.throwIfAborted()
    return await Promise.race([work(deadline.signal), aborted])
  } finally {
    deadline.clear()
    if (abort) deadline.signal.removeEventListener('abort', abort)
  }
}
