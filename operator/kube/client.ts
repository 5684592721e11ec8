import { isConflict, isNotFound } from './api-error.ts'
import { listAll, type ListOptions } from './list.ts'
import type { KubeObject, Live } from './object.ts'
import { apiVersionOf, pathOf, type Pod, pods, type Resource } from './resource.ts'
import type { Transport, TransportRequest } from './transport.ts'

export interface ApplyOptions {
  fieldManager: string
  /** Take over fields that another manager holds; false means an ApiError `Conflict` then. */
  force: boolean
  subresource?: 'status'
  dryRun?: boolean
}

export interface DeleteOptions {
  /** The object is deleted only if it is still this one. */
  preconditions: { uid: string; resourceVersion?: string }
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  /** 0: at once, without the chance to end in an orderly way. Absent: as the object says. */
  gracePeriodSeconds?: number
}

export type JsonPatchOperation =
  { op: 'add' | 'replace' | 'test'; path: string; value: unknown } | { op: 'remove'; path: string }

export interface PodLogOptions {
  container: string
  tailLines?: number
  /** The log of the container before its last restart. */
  previous?: boolean
  limitBytes?: number
}

/**
 * Typed access to the API server. Every call has a deadline; every call rejects with an `ApiError` (the server refused), a
 * `ConnectionError` (no answer: a write may or may not have happened) or the signal's reason. Objects are plain JSON with apiVersion and
 * kind filled in. Writes are refused with `NotLeaderError` before and after this process holds the lease, where the client was made with `permitWrite`.
 */
export interface KubeClient {
  /** undefined where there is none. */
  get<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    signal?: AbortSignal,
  ): Promise<Live<T> | undefined>
  /** All pages, as of one resourceVersion. */
  list<T extends KubeObject>(
    resource: Resource<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<{ items: Live<T>[]; resourceVersion: string }>
  /** Server-side apply of `object`; `metadata.name` and, where namespaced, `metadata.namespace` say which. */
  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: ApplyObject<T>,
    options: ApplyOptions,
    signal?: AbortSignal,
  ): Promise<Live<T>>
  create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: { fieldManager?: string; dryRun?: boolean },
    signal?: AbortSignal,
  ): Promise<Live<T>>
  /** PUT of the whole object: refused with `Conflict` unless `metadata.resourceVersion` is the current one. */
  replace<T extends KubeObject>(resource: Resource<T>, object: Live<T>, signal?: AbortSignal): Promise<Live<T>>
  /** RFC 7386, for annotations and the like. With `resourceVersion` it is refused with `Conflict` if the object has changed since. */
  mergePatch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    patch: object,
    options?: { resourceVersion?: string; subresource?: 'status'; fieldManager?: string },
    signal?: AbortSignal,
  ): Promise<Live<T>>
  /** RFC 6902. A failed `test` is an ApiError of status 422. */
  jsonPatch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    operations: readonly JsonPatchOperation[],
    signal?: AbortSignal,
  ): Promise<Live<T>>
  /** `conflict`: there is an object of that name, but not the one that the preconditions name. `remaining` is there while finalizers or a grace period hold it. */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
    signal?: AbortSignal,
  ): Promise<DeleteResult<T>>
  /** The text of a container's log, as much as asked for. */
  podLogs(pod: Live<Pod>, options: PodLogOptions, signal?: AbortSignal): Promise<string>
  serverVersion(signal?: AbortSignal): Promise<{ major: number; minor: number; gitVersion: string }>
  /** Whether the API server serves this resource now: false where its CRD is absent. */
  hasResource(resource: Resource, signal?: AbortSignal): Promise<boolean>
}

/** An apply may leave out what it does not own. */
export type ApplyObject<T extends KubeObject> = Partial<Omit<T, 'metadata'>> & { metadata: KubeObject['metadata'] }

export type DeleteResult<T extends KubeObject> =
  { outcome: 'deleted'; remaining?: Live<T> } | { outcome: 'notFound' } | { outcome: 'conflict' }

export interface KubeClientOptions {
  transport: Transport
  /** Asked before every write that is not a dry run: throws if this process may not write now; the signal is aborted when it may no longer. */
  permitWrite?: () => AbortSignal
  /** Objects per page of a list; 500 unless said. */
  pageSize?: number
}

const CONTENT_TYPES = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
} as const

export function createKubeClient({ transport, permitWrite, pageSize = 500 }: KubeClientOptions): KubeClient {
  const write = async (request: TransportRequest, signal: AbortSignal | undefined): Promise<unknown> => {
    if (request.query?.['dryRun'] !== undefined || !permitWrite) return transport.request({ ...request, signal })
    const permit = permitWrite()
    return transport.request({ ...request, signal: signal ? AbortSignal.any([signal, permit]) : permit })
  }
  const kindOf = ({ kind, ...resource }: Resource) => ({ apiVersion: apiVersionOf(resource), kind })

  return {
    get: async <T extends KubeObject>(
      resource: Resource<T>,
      namespace: string | undefined,
      name: string,
      signal?: AbortSignal,
    ) => {
      try {
        return (await transport.request({
          method: 'GET',
          path: pathOf(resource, { namespace, name }),
          signal,
        })) as Live<T>
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },

    list: <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}, signal?: AbortSignal) =>
      listAll(transport, resource, { ...options, pageSize }, signal),

    apply: async <T extends KubeObject>(
      resource: Resource<T>,
      object: ApplyObject<T>,
      { fieldManager, force, subresource, dryRun }: ApplyOptions,
      signal?: AbortSignal,
    ) => {
      const { namespace, name } = object.metadata
      const path = pathOf(resource, { namespace, name, ...(subresource && { subresource }) })
      const query = { fieldManager, force, fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined }
      const body = { ...object, ...kindOf(resource) }
      return (await write({ method: 'PATCH', path, query, body, contentType: CONTENT_TYPES.apply }, signal)) as Live<T>
    },

    create: async <T extends KubeObject>(
      resource: Resource<T>,
      object: T,
      { fieldManager, dryRun }: { fieldManager?: string; dryRun?: boolean } = {},
      signal?: AbortSignal,
    ) => {
      const path = pathOf(resource, { namespace: object.metadata.namespace })
      const query = { fieldManager, fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined }
      return (await write({ method: 'POST', path, query, body: { ...object, ...kindOf(resource) } }, signal)) as Live<T>
    },

    replace: async <T extends KubeObject>(resource: Resource<T>, object: Live<T>, signal?: AbortSignal) => {
      const { namespace, name } = object.metadata
      const path = pathOf(resource, { namespace, name })
      return (await write({ method: 'PUT', path, body: object }, signal)) as Live<T>
    },

    mergePatch: async <T extends KubeObject>(
      resource: Resource<T>,
      namespace: string | undefined,
      name: string,
      patch: object,
      options: { resourceVersion?: string; subresource?: 'status'; fieldManager?: string } = {},
      signal?: AbortSignal,
    ) => {
      const { resourceVersion, subresource, fieldManager } = options
      const path = pathOf(resource, { namespace, name, ...(subresource && { subresource }) })
      const metadata = { ...(patch as Partial<KubeObject>).metadata, ...(resourceVersion && { resourceVersion }) }
      const body = Object.keys(metadata).length === 0 ? patch : { ...patch, metadata }
      const query = { fieldManager }
      return (await write({ method: 'PATCH', path, query, body, contentType: CONTENT_TYPES.merge }, signal)) as Live<T>
    },

    jsonPatch: async <T extends KubeObject>(
      resource: Resource<T>,
      namespace: string | undefined,
      name: string,
      operations: readonly JsonPatchOperation[],
      signal?: AbortSignal,
    ) => {
      const path = pathOf(resource, { namespace, name })
      return (await write(
        { method: 'PATCH', path, body: operations, contentType: CONTENT_TYPES.json },
        signal,
      )) as Live<T>
    },

    delete: async <T extends KubeObject>(
      resource: Resource<T>,
      namespace: string | undefined,
      name: string,
      { preconditions, propagationPolicy = 'Background', gracePeriodSeconds }: DeleteOptions,
      signal?: AbortSignal,
    ): Promise<DeleteResult<T>> => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy, gracePeriodSeconds }
      try {
        const path = pathOf(resource, { namespace, name })
        const answer = (await write({ method: 'DELETE', path, body }, signal)) as KubeObject
        return answer.kind === 'Status' ? { outcome: 'deleted' } : { outcome: 'deleted', remaining: answer as Live<T> }
      } catch (error) {
        if (isNotFound(error)) return { outcome: 'notFound' }
        if (isConflict(error)) return { outcome: 'conflict' }
        throw error
      }
    },

    podLogs: async (pod, { container, tailLines, previous, limitBytes }, signal) => {
      const { namespace, name } = pod.metadata
      const path = pathOf(pods, { namespace, name, subresource: 'log' })
      const text = await transport.request({
        method: 'GET',
        path,
        query: { container, tailLines, previous, limitBytes },
        signal,
      })
      return String(text)
    },

    serverVersion: async (signal) => {
      const version = (await transport.request({ method: 'GET', path: '/version', signal })) as Record<string, string>
      // Some distributions say "31+".
      const number = (name: string) => Number.parseInt(version[name] ?? '', 10)
      return { major: number('major'), minor: number('minor'), gitVersion: version['gitVersion'] ?? '' }
    },

    hasResource: async ({ group, version, plural }, signal) => {
      const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
      try {
        const answer = (await transport.request({ method: 'GET', path, signal })) as { resources?: { name: string }[] }
        return answer.resources?.some(({ name }) => name === plural) ?? false
      } catch (error) {
        if (isNotFound(error)) return false
        throw error
      }
    },
  }
}
