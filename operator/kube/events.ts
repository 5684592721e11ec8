import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import { isNotFound } from './api-error.ts'
import type { KubeClient } from './client.ts'
import { microTime } from './lease.ts'
import type { KubeObject, Live } from './object.ts'
import { events } from './resource.ts'

export interface EventOptions {
  regarding: Live<KubeObject>
  related?: Live<KubeObject>
  type: 'Normal' | 'Warning'
  /** CamelCase, at most 128 characters: why. */
  reason: string
  /** CamelCase, at most 128 characters: what was done or tried. */
  action: string
  /** For humans; cut at 1024 bytes. */
  note: string
}

export interface EventRecorder {
  /** Returns at once, never throws: an event that can't be written is logged. */
  record: (event: EventOptions) => void
  /** Resolves when everything recorded so far is written or logged. */
  flush: () => Promise<void>
}

interface Series {
  namespace: string
  name: string
  count: number
  lastAt: number
  writtenAt: number
}

/** The server's limit. */
const NOTE_BYTES = 1024
/** The same event within this time of its last occurrence is a repeat. */
const REPEAT_MS = 6 * 60_000
/** A series is written at most this often: a hot loop must not flood the API server. */
const SERIES_WRITE_MS = 60_000
const MOST_SERIES = 1_000

/** Events of events.k8s.io/v1. The first is written at once, repeats become its series. */
export function createEventRecorder(options: {
  client: Pick<KubeClient, 'create' | 'mergePatch'>
  /** A qualified name: `valence.dev/operator`. */
  reportingController: string
  /** The pod's name. */
  reportingInstance: string
  clock: Clock
  log: Logger
}): EventRecorder {
  const { client, reportingController, reportingInstance, clock, log } = options
  const known = new Map<string, Series>()
  // One after the other, so that a series is patched only after it was created.
  let tail = Promise.resolve()

  const create = async (event: EventOptions, { namespace, name }: Series) => {
    const { regarding, related, type, reason, action, note } = event
    await client.create(events, {
      metadata: { namespace, name },
      eventTime: microTime(clock.now()),
      type,
      reason,
      action,
      note: cut(note, NOTE_BYTES),
      regarding: reference(regarding),
      ...(related && { related: reference(related) }),
      reportingController,
      reportingInstance,
    })
  }
  const repeat = async (event: EventOptions, series: Series) => {
    try {
      const { count, lastAt } = series
      await client.mergePatch(events, series.namespace, series.name, {
        series: { count, lastObservedTime: microTime(lastAt) },
      })
    } catch (error) {
      // Events live for an hour only.
      if (!isNotFound(error)) throw error
      await create(event, series)
    }
  }
  const record = (event: EventOptions) => {
    const key = keyOfSeries(event)
    const now = clock.now()
    const series = known.get(key)
    known.delete(key) // set again below, so that the map is in the order of use
    let write
    if (series && now - series.lastAt < REPEAT_MS) {
      series.count += 1
      series.lastAt = now
      known.set(key, series)
      if (now - series.writtenAt < SERIES_WRITE_MS && series.count > 2) return
      series.writtenAt = now
      write = () => repeat(event, series)
    } else {
      const { metadata } = event.regarding
      const begun: Series = {
        namespace: metadata.namespace ?? 'default',
        name: `${metadata.name.slice(0, 200)}.${hash(`${key} ${now} ${reportingInstance}`)}`,
        count: 1,
        lastAt: now,
        writtenAt: now,
      }
      known.set(key, begun)
      for (const oldest of known.keys()) {
        if (known.size <= MOST_SERIES) break
        known.delete(oldest)
      }
      write = () => create(event, begun)
    }
    tail = tail.then(write).catch((err: unknown) => {
      log.warn({ err, reason: event.reason, note: event.note }, 'the event could not be written')
    })
  }
  return { record, flush: () => tail }
}

function keyOfSeries({ regarding, related, type, reason, action, note }: EventOptions): string {
  return hash(JSON.stringify([regarding.metadata.uid, related?.metadata.uid, type, reason, action, note]))
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function reference({ apiVersion, kind, metadata }: Live<KubeObject>) {
  const { namespace, name, uid, resourceVersion } = metadata
  return { apiVersion, kind, name, uid, resourceVersion, ...(namespace !== undefined && { namespace }) }
}

/** At most so many bytes of UTF-8, never half a character. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text)
  if (encoded.length <= bytes) return text
  return `${new TextDecoder().decode(encoded.subarray(0, bytes - 3), { stream: true })}…`
}
