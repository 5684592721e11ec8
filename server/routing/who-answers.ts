/** Who answers a prediction request: this pod, another version, or nobody. Pure: seen from a pod of one version. */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADERS } from '../../contract/names.ts'
import type { Routing } from '../../contract/routing.ts'
import type { ErrorCode } from '../request-error.ts'
import { chosenVersion, splitKey } from './split.ts'

/** trained: the stable version. naive: the declared baseline. */
export type Alias = 'trained' | 'naive'

/** What a path can name. */
export type Target = { alias: Alias } | { version: string }

export interface Asked {
  requestId: string
  headers: IncomingHttpHeaders
  /** Of the path; undefined where it names neither alias nor version. */
  target: Target | undefined
}

/** name: the request names the version itself. nothing: there was nothing to choose, so no version is judged by it. */
export type ChosenBy = 'split' | 'name' | 'nothing'

export type Answerer =
  | { kind: 'own'; chosenBy: ChosenBy }
  /** Without `url` the routing file does not say where the version is. */
  | { kind: 'other'; chosenBy: 'split' | 'name'; version: string; url: string | undefined }
  | { kind: 'nobody'; code: ErrorCode; message: string }

/** There is a routing file, and no valid content of it was seen yet: `unread`. There is none: undefined. */
export type KnownRouting = Routing | 'unread' | undefined

export function whoAnswers(asked: Asked, routing: KnownRouting, ownVersion: string): Answerer {
  const isForwarded = asked.headers[HEADERS.forwarded] !== undefined
  const target = asked.target ?? versionInHeaders(asked.headers, ownVersion)
  if (target !== undefined) {
    const named = whoIsNamed(target, routing, ownVersion)
    // Two pods whose routing files contradict each other would send it back and forth.
    return isForwarded ? withoutForwarding(named, ownVersion) : named
  }
  const isChoice = typeof routing === 'object' && routing.baseline !== ownVersion
  if (isForwarded || !isChoice) return { kind: 'own', chosenBy: 'nothing' }
  const version = chosenVersion(routing, splitKey(routing, asked.headers, asked.requestId))
  if (version === ownVersion) return { kind: 'own', chosenBy: 'split' }
  return { kind: 'other', chosenBy: 'split', version, url: endpointOf(routing, version) }
}

/** Base URL of a version's Service. */
export function endpointOf(routing: Routing, version: string): string | undefined {
  return Object.hasOwn(routing.endpoints, version) ? routing.endpoints[version] : undefined
}

/** A request that was sent to the version's own Service means that version, as one with the header does. */
function versionInHeaders(headers: IncomingHttpHeaders, ownVersion: string): Target | undefined {
  const version = headers[HEADERS.modelVersion]
  if (version !== undefined && version !== '') return { version: String(version) }
  const [name] = (headers.host ?? '').toLowerCase().split(/[.:]/, 1)
  return name === ownVersion ? { version: ownVersion } : undefined
}

function whoIsNamed(target: Target, routing: KnownRouting, ownVersion: string): Answerer {
  if ('alias' in target) return whoIsAlias(target.alias, routing, ownVersion)
  const { version } = target
  if (version === ownVersion) return own
  if (routing === 'unread') return unknown
  const url = routing === undefined ? undefined : endpointOf(routing, version)
  if (url !== undefined) return { kind: 'other', chosenBy: 'name', version, url }
  const versions = [...new Set([ownVersion, ...Object.keys(routing?.endpoints ?? {})])].sort()
  return {
    kind: 'nobody',
    code: 'VersionNotFound',
    message: `no version "${version}"; there is ${versions.join(', ')}`,
  }
}

function whoIsAlias(alias: Alias, routing: KnownRouting, ownVersion: string): Answerer {
  if (routing === 'unread') return unknown
  // A server without a routing file serves one model, which then is the trained one.
  const version = alias === 'trained' ? (routing?.stable ?? ownVersion) : routing?.baseline
  if (version === undefined) {
    const message = 'this model declares no baseline: set spec.baseline to have one'
    return { kind: 'nobody', code: 'BaselineNotDeclared', message }
  }
  if (version === ownVersion || routing === undefined) return own
  return { kind: 'other', chosenBy: 'name', version, url: endpointOf(routing, version) }
}

function withoutForwarding(named: Answerer, ownVersion: string): Answerer {
  switch (named.kind) {
    case 'nobody':
      return named
    case 'own':
      return { kind: 'own', chosenBy: 'nothing' }
    case 'other': {
      const message = `this pod serves ${ownVersion}, not ${named.version}, and forwards no request that carries ${HEADERS.forwarded}`
      return { kind: 'nobody', code: 'VersionNotFound', message }
    }
  }
}

const own: Answerer = { kind: 'own', chosenBy: 'name' }
const unknown: Answerer = {
  kind: 'nobody',
  code: 'RoutingUnknown',
  message: 'the routing file of this pod was not readable yet, so the version is not known: try again, or see the log',
}
