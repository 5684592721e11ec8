/**
 * Which version a public request falls to. The choice hangs on nothing but the routing file and a key, so every pod makes the
 * same one for the same caller, before and after a restart.
 */
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Routing } from '../../contract/routing.ts'

/**
 * The candidate where the key's place is below `perMille`, else stable. Raising `perMille` never moves a key back to stable,
 * because a key keeps its place for as long as the candidate is the same.
 */
export function chosenVersion(routing: Routing, key: string): string {
  const { stable, candidate, perMille } = routing
  return candidate !== undefined && placeOf(candidate, key) < perMille ? candidate : stable
}

/** Whether the candidate is asked about this request too; independent of the choice above. */
export function isShadowed(routing: Routing, key: string): boolean {
  const { candidate, shadowPerMille } = routing
  return candidate !== undefined && placeOf(`shadow/${candidate}`, key) < shadowPerMille
}

/** What the choice hangs on: the caller where the sticky header names one, else the single request. */
export function splitKey(routing: Routing, headers: IncomingHttpHeaders, requestId: string): string {
  const { stickyHeader: name } = routing
  // A header may be called `constructor`, and that every object has.
  const caller = name !== undefined && Object.hasOwn(headers, name) ? headers[name] : undefined
  return caller === undefined || caller === '' ? requestId : String(caller)
}

/**
 * 0 to 999, evenly spread over the keys. Salted, so that it is not the same callers who come first in every rollout.
 * Version names hold no line break: no two pairs of salt and key run together.
 */
function placeOf(salt: string, key: string): number {
  return hash('sha256', `${salt}\n${key}`, 'buffer').readUIntBE(0, 6) % 1000
}
