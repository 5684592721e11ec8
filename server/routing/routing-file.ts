/**
 * The mounted routing file, read again whenever its content changes. A ConfigMap mount swaps a symbolic link, which file
 * watches miss or report twice; the file is small, so comparing its content on a short interval is exact and cheap.
 */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { routing, type Routing } from '../../contract/routing.ts'

export interface RoutingFile {
  /** The last valid content; undefined until there was one. */
  readonly current: Routing | undefined
  /** Reads the file now; what the interval does. */
  refresh(): Promise<void>
  close(): void
}

export interface RoutingFileOptions {
  path: string
  intervalMs?: number
  onApplied(routing: Routing): void
  /** The file can't be read or is invalid: the last valid content stays in force. Called once for each such content. */
  onRefused(reason: string): void
}

const INTERVAL_MS = 250

export async function watchRoutingFile(options: RoutingFileOptions): Promise<RoutingFile> {
  let current: Routing | undefined
  let lastSeen: string | undefined
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  const refuse = (seen: string, reason: string): void => {
    if (seen === lastSeen) return
    lastSeen = seen
    options.onRefused(reason)
  }

  async function refresh(): Promise<void> {
    let text: string
    try {
      text = await readFile(options.path, 'utf8')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      refuse(`unreadable: ${reason}`, `can't be read: ${reason}`)
      return
    }
    const seen = `content: ${text}`
    if (seen === lastSeen) return
    const parsed = parseRouting(text)
    if (typeof parsed === 'string') {
      refuse(seen, parsed)
      return
    }
    lastSeen = seen
    current = parsed
    options.onApplied(parsed)
  }

  // Chained instead of an interval, so that a slow volume never has two reads at once.
  const poll = (): void => {
    timer = setTimeout(() => {
      void refresh().finally(() => {
        if (!isClosed) poll()
      })
    }, options.intervalMs ?? INTERVAL_MS)
    timer.unref()
  }

  await refresh()
  poll()
  return {
    get current() {
      return current
    },
    refresh,
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** The routing, or why it is none. */
export function parseRouting(text: string): Routing | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  const parsed = routing.safeParse(value)
  return parsed.success ? parsed.data : `is invalid: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`
}
