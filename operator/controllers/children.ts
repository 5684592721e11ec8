/**
 * The only ways in which the controllers write: what they own, and nothing else. An object of the same name that someone else
 * made is never touched; it is named as the culprit.
 */
import { ANNOTATIONS } from '../builders/metadata.ts'
import type { Cache } from '../kube/cache.ts'
import type { KubeClient } from '../kube/client.ts'
import { ApiError, isAlreadyExists } from '../kube/api-error.ts'
import { controllerOf, type KubeObject, type Live } from '../kube/object.ts'
import type { Resource } from '../kube/resource.ts'
import { blockedCreation, type Blocked } from '../plan/blocked.ts'
import { canonicalJson, shortHash } from '../plan/canonical-json.ts'
import { isApplied } from './drift.ts'

const FIELD_MANAGER = 'valence'
const STATUS_FIELD_MANAGER = 'valence-status'

/** A child's name is held by an object that is not ours. */
export class NameTakenError extends Error {
  override readonly name = 'NameTakenError'
  readonly object: string

  constructor(object: string, message: string) {
    super(message)
    this.object = object
  }
}

/** A name that becomes free, a quota that is raised, a policy that changes: none of it is an event that we would see. */
export const REFUSAL_RETRY_MS = 10_000

export interface Child<T extends KubeObject> {
  resource: Resource<T>
  /** Absent for kinds that are not watched: then the API server is asked. */
  cache?: Cache<T>
  desired: T
}

/** What keeps us from writing, as the user is to read it; undefined where the error is none of the user's making. */
export function refusalOf(error: unknown): Blocked | undefined {
  if (error instanceof NameTakenError) return { reason: 'NameTaken', object: error.object, message: error.message }
  if (error instanceof RefusedWriteError) return blockedCreation(error.object, error.message)
  return undefined
}

/** The API server or an admission webhook said no to a child: quota, policy, or a spec that makes no valid object. */
export class RefusedWriteError extends Error {
  override readonly name = 'RefusedWriteError'
  readonly object: string

  constructor(object: string, cause: Error) {
    super(cause.message, { cause })
    this.object = object
  }
}

async function namingRefusal<T>(resource: Resource, name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const isRefusal =
      error instanceof ApiError && (error.status === 403 || error.status === 422 || error.status === 400)
    throw isRefusal ? new RefusedWriteError(`${resource.kind}/${name}`, error) : error
  }
}

/** Server-side apply, if anything differs. */
export async function applyChild<T extends KubeObject>(
  client: KubeClient,
  owner: Live<KubeObject>,
  child: Child<T>,
  signal: AbortSignal,
): Promise<void> {
  const { resource, cache } = child
  const desired = stamped(child.desired)
  const { namespace, name } = desired.metadata
  // Only what carries our label is cached, so that absence there does not mean that the name is free.
  const existing = cache?.get(namespace, name) ?? (await client.get(resource, namespace, name, signal))
  if (existing) {
    assertOurs(resource, existing, owner)
    // One that is on its way out can't be mended; the event of its end brings us back.
    if (existing.metadata.deletionTimestamp !== undefined || isApplied(desired, existing)) return
  }
  const written = await namingRefusal(resource, name, () =>
    client.apply(resource, desired, { fieldManager: FIELD_MANAGER, force: true }, signal),
  )
  cache?.observeWrite(written)
}

/** Drift is looked for in the fields that are stated; the hash shows that there were others before. */
function stamped<T extends KubeObject>(desired: T): T {
  const annotations = { ...desired.metadata.annotations, [ANNOTATIONS.appliedHash]: shortHash(desired) }
  return { ...desired, metadata: { ...desired.metadata, annotations } }
}

/** Throws where the name is held by someone else; for a name that is needed only later, so that it is known before any work is done. */
export async function assertNameFree<T extends KubeObject>(
  client: KubeClient,
  owner: Live<KubeObject>,
  { resource, namespace, name }: { resource: Resource<T>; namespace: string; name: string },
  signal: AbortSignal,
): Promise<void> {
  const existing = await client.get(resource, namespace, name, signal)
  if (existing) assertOurs(resource, existing, owner)
}

/** Creates what is never changed afterwards. Idempotent: the name is deterministic, so a repetition finds it. */
export async function createChild<T extends KubeObject>(
  client: KubeClient,
  owner: Live<KubeObject>,
  child: Child<T>,
  signal: AbortSignal,
): Promise<void> {
  const { resource, cache, desired } = child
  try {
    const created = await namingRefusal(resource, desired.metadata.name, () =>
      client.create(resource, desired, { fieldManager: FIELD_MANAGER }, signal),
    )
    cache?.observeWrite(created)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const existing = await client.get(resource, desired.metadata.namespace, desired.metadata.name, signal)
    if (!existing) throw error
    assertOurs(resource, existing, owner)
    cache?.observeWrite(existing)
  }
}

/** Deletes this very object: not one that has taken its name since. */
export async function deleteChild<T extends KubeObject>(
  client: KubeClient,
  { resource, cache, object }: { resource: Resource<T>; cache?: Cache<T>; object: Live<T> },
  signal: AbortSignal,
): Promise<void> {
  if (object.metadata.deletionTimestamp !== undefined) return
  const { namespace, name, uid } = object.metadata
  const result = await client.delete(
    resource,
    namespace,
    name,
    { preconditions: { uid }, propagationPolicy: 'Background' },
    signal,
  )
  if (result.outcome === 'deleted' && result.remaining) cache?.observeWrite(result.remaining)
  else cache?.observeDelete(object)
}

/** Nothing is destroyed on a cached view: the owner is read from the API server before the first delete. */
export async function isOwnerAlive<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  owner: Live<T>,
  signal: AbortSignal,
): Promise<boolean> {
  const live = await client.get(resource, owner.metadata.namespace, owner.metadata.name, signal)
  return live?.metadata.uid === owner.metadata.uid && live.metadata.deletionTimestamp === undefined
}

/** Writes a status that differs; the uid keeps it from landing on a successor of the same name. */
export async function writeStatus<T extends KubeObject & { status?: unknown }>(
  client: KubeClient,
  {
    resource,
    cache,
    object,
    status,
  }: { resource: Resource<T>; cache: Cache<T>; object: Live<T>; status: NonNullable<T['status']> },
  signal: AbortSignal,
): Promise<boolean> {
  if (canonicalJson(object.status) === canonicalJson(status)) return false
  const { namespace, name, uid } = object.metadata
  const patch = { metadata: { namespace, name, uid }, status }
  const options = { fieldManager: STATUS_FIELD_MANAGER, force: true, subresource: 'status' } as const
  cache.observeWrite(await client.apply<T>(resource, patch as never, options, signal))
  return true
}

export function assertOurs(resource: Resource, existing: Live<KubeObject>, owner: Live<KubeObject>): void {
  const object = `${resource.kind}/${existing.metadata.name}`
  const controller = controllerOf(existing)
  if (controller?.uid === owner.metadata.uid) return
  // A model that was deleted and applied again meets what its predecessor left, for as long as that takes to go.
  const isLeftover = controller?.kind === owner.kind && controller.name === owner.metadata.name
  if (isLeftover)
    throw new NameTakenError(object, `${object} of the former ${owner.kind} is still being deleted; waiting for it`)
  const holder = controller ? `belongs to ${controller.kind}/${controller.name}` : 'was not made by this operator'
  throw new NameTakenError(object, `${object} exists and ${holder}: delete or rename it, or rename the model`)
}
