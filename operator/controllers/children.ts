/**
 * The only ways in which the controllers write: what they own, and nothing else. An object of the same name that someone else
 * made is never touched; it is named as the culprit.
 */
import { ANNOTATIONS } from '../builders/metadata.ts'
import type { Cache } from '../kube/cache.ts'
import type { KubeClient } from '../kube/client.ts'
import { isAlreadyExists } from '../kube/api-error.ts'
import { controllerOf, type KubeObject, type Live } from '../kube/object.ts'
import type { Resource } from '../kube/resource.ts'
import { canonicalJson, shortHash } from '../plan/canonical-json.ts'
import { isApplied } from './drift.ts'

const FIELD_MANAGER = 'valence'
const STATUS_FIELD_MANAGER = 'valence-status'

/** A child's name is held by an object that is not ours. */
export class NameTakenError extends Error {
  override readonly name = 'NameTakenError'
  readonly object: string

  constructor(object: string, holder: string) {
    super(`${object} exists and ${holder}: delete or rename it, or rename the model`)
    this.object = object
  }
}

/** A name that is taken becomes free without any event that we would see. */
export const NAME_TAKEN_RETRY_MS = 10_000

export interface Child<T extends KubeObject> {
  resource: Resource<T>
  /** Absent for kinds that are not watched: then the API server is asked. */
  cache?: Cache<T>
  desired: T
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
  const written = await client.apply(resource, desired, { fieldManager: FIELD_MANAGER, force: true }, signal)
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
    cache?.observeWrite(await client.create(resource, desired, { fieldManager: FIELD_MANAGER }, signal))
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

function assertOurs(resource: Resource, existing: Live<KubeObject>, owner: Live<KubeObject>): void {
  const object = `${resource.kind}/${existing.metadata.name}`
  const controller = controllerOf(existing)
  if (controller?.uid !== owner.metadata.uid) {
    throw new NameTakenError(
      object,
      controller
        ? `belongs to ${controller.kind}/${controller.name} of uid ${controller.uid}`
        : 'was not made by this operator',
    )
  }
}
