import { type ApiError, isNotFound } from './api-error.ts'
import type { JsonPatchOperation, KubeClient } from './client.ts'
import type { KubeObject, Live } from './object.ts'
import type { Resource } from './resource.ts'

export interface FinalizerBranches<T extends KubeObject, R> {
  /** The object is wanted, and carries the finalizer by now. */
  apply: (object: Live<T>) => Promise<R>
  /** The object is being deleted. `done` lets it go; otherwise this is called again by the next reconciliation. */
  cleanup: (object: Live<T>) => Promise<{ done: true } | { done: false; result: R }>
}

export type FinalizerOutcome<R> =
  | { outcome: 'applied' | 'cleaning'; result: R }
  /** The finalizer is off. */
  | { outcome: 'finalized' }
  /** Being deleted, and our finalizer was not (or is no longer) on it: nothing to do. */
  | { outcome: 'ignored' }
  /** The object has changed under us, or is gone: look again. */
  | { outcome: 'stale'; cause: ApiError }

/**
 * Runs one branch under the protection of a finalizer.
 *
 * Guarantees
 * - `apply` runs only after the finalizer is on the object in the API server: whatever it makes will be seen by `cleanup`.
 * - the finalizer goes only after `cleanup` said `done`.
 * - no other finalizer is touched: the patches name one place in the list and test what is there.
 *
 * Assumptions
 * - `cleanup` can be repeated: the process may end between it and the removal of the finalizer.
 * - one reconciler per finalizer name.
 *
 * Caveats
 * - an object may be deleted before `apply` ever ran, and `cleanup` runs all the same.
 * - while no operator runs, a deleted object stays: whoever uninstalls must delete the objects first.
 */
export async function withFinalizer<T extends KubeObject, R>(
  { client, resource, finalizer }: { client: KubeClient; resource: Resource<T>; finalizer: string },
  object: Live<T>,
  { apply, cleanup }: FinalizerBranches<T, R>,
  signal: AbortSignal,
): Promise<FinalizerOutcome<R>> {
  const { namespace, name, uid, deletionTimestamp, finalizers = [] } = object.metadata
  const index = finalizers.indexOf(finalizer)
  const patch = async (operations: readonly JsonPatchOperation[]): Promise<Live<T> | ApiError> => {
    const isStillIt: JsonPatchOperation = { op: 'test', path: '/metadata/uid', value: uid }
    try {
      return await client.jsonPatch(resource, namespace, name, [isStillIt, ...operations], signal)
    } catch (error) {
      // 422: a test failed (the list or the object is another one by now), or a deletion has begun meanwhile.
      if (isNotFound(error) || (error instanceof Error && 'status' in error && error.status === 422))
        return error as ApiError
      throw error
    }
  }

  if (deletionTimestamp !== undefined) {
    if (index < 0) return { outcome: 'ignored' }
    const cleaned = await cleanup(object)
    if (!cleaned.done) return { outcome: 'cleaning', result: cleaned.result }
    const path = `/metadata/finalizers/${index}`
    const removed = await patch([
      { op: 'test', path, value: finalizer },
      { op: 'remove', path },
    ])
    if (!(removed instanceof Error) || isNotFound(removed)) return { outcome: 'finalized' }
    return { outcome: 'stale', cause: removed }
  }

  if (index >= 0) return { outcome: 'applied', result: await apply(object) }
  const added = await patch(
    finalizers.length === 0
      ? [
          // Adding the list replaces one that came meanwhile: it must still be absent.
          { op: 'test', path: '/metadata/finalizers', value: null },
          { op: 'add', path: '/metadata/finalizers', value: [finalizer] },
        ]
      : [
          { op: 'test', path: '/metadata/finalizers', value: finalizers },
          { op: 'add', path: '/metadata/finalizers/-', value: finalizer },
        ],
  )
  return added instanceof Error
    ? { outcome: 'stale', cause: added }
    : { outcome: 'applied', result: await apply(added) }
}
