/** Which version an alias means, seen from a pod of one version. */
import type { Routing } from '../../contract/routing.ts'

/** trained: the stable version. naive: the declared baseline. */
export type Alias = 'trained' | 'naive'

export type Destination =
  | { kind: 'own' }
  | { kind: 'other'; version: string; url: string }
  /** The alias has no version. */
  | { kind: 'undeclared' }
  /** The routing file names the version, but not where it is. */
  | { kind: 'unreachable'; version: string }
  /** There is a routing file, and it was never read: nobody knows. */
  | { kind: 'unknown' }

export function resolveAlias(alias: Alias, routing: Routing | 'unread' | undefined, ownVersion: string): Destination {
  if (routing === 'unread') return { kind: 'unknown' }
  // A server without a routing file serves one model, which then is the trained one.
  if (routing === undefined) return alias === 'trained' ? { kind: 'own' } : { kind: 'undeclared' }
  const version = alias === 'trained' ? routing.stable : routing.baseline
  if (version === undefined) return { kind: 'undeclared' }
  if (version === ownVersion) return { kind: 'own' }
  const url = Object.hasOwn(routing.endpoints, version) ? routing.endpoints[version] : undefined
  return url === undefined ? { kind: 'unreachable', version } : { kind: 'other', version, url }
}
