import type { KubeClient } from './client.ts'
import type { KubeObject, Live } from './object.ts'
import type { Resource } from './resource.ts'

export declare function withFinalizer<T extends KubeObject, R>(
  options: { client: KubeClient; resource: Resource<T>; finalizer: string },
  object: Live<T>,
  branches: {
    /** The object is wanted and carries the finalizer. */
    apply(object: Live<T>): Promise<R>
    /** The object is being deleted; it goes when this resolves to true. */
    cleanup(object: Live<T>): Promise<{ done: true } | { done: false; result: R }>
  },
  signal: AbortSignal,
): Promise<R | 'finalized' | 'not-ours'>
