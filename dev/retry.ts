/** Doing a thing again that may fail now and then. */
import { setTimeout } from 'node:timers/promises'

export interface RetryOptions {
  readonly attempts: number
  readonly pauseMs: number
  readonly signal: AbortSignal
}

/** Runs `task` until it succeeds. Rejects with its last error where `attempts` in a row have failed. */
export async function retry<T>(task: () => Promise<T>, { attempts, pauseMs, signal }: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (attempt >= attempts || signal.aborted) throw error
    }
    await setTimeout(pauseMs, undefined, { signal })
  }
}

export interface RepeatOptions {
  readonly pauseMs: number
  readonly until: AbortSignal
  readonly onError: (error: unknown) => void
}

/** Runs `task` again and again until the signal, whether it succeeds or fails. Never rejects for a failure of `task`. */
export async function repeat(task: () => Promise<unknown>, { pauseMs, until, onError }: RepeatOptions): Promise<void> {
  while (!until.aborted) {
    await task().catch(onError)
    await setTimeout(pauseMs, undefined, { signal: until }).catch(() => undefined)
  }
}
