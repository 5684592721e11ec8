import type { KubeObject, Live } from './object.ts'
import type { Pod, Resource } from './resource.ts'
import type { Transport } from './transport.ts'

export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string
  fieldSelector?: string
}

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

export declare function createKubeClient(options: {
  transport: Transport
  /** Asked before every write that is not a dry run: throws if this process may not write now; the signal is aborted when it may no longer. */
  permitWrite?: () => AbortSignal
}): KubeClient
