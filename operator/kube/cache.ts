import type { KubeObject, Live } from './object.ts'

export type Change<T extends KubeObject> =
  | { type: 'added'; object: Live<T> }
  | { type: 'updated'; previous: Live<T>; object: Live<T> }
  | { type: 'deleted'; object: Live<T> }

/** What controllers see of an informer. Objects are shared: never change one. */
export declare class Cache<T extends KubeObject> {
  get(namespace: string | undefined, name: string): Live<T> | undefined
  list(namespace?: string): Live<T>[]
  /** Objects that the index files under this value. */
  byIndex(index: string, value: string): Live<T>[]
  /** Objects that name this uid as an owner. */
  ownedBy(uid: string): Live<T>[]
  /** Every change, also those that observeWrite and observeDelete make. Returns a function that ends it. */
  onChange(handler: (change: Change<T>) => void): () => void
  /** Hand over what a write returned, so that no reconcile acts on a view older than its own last write. */
  observeWrite(object: Live<T>): void
  /** Hand over that the object of this uid is gone. */
  observeDelete(uid: string): void
  get size(): number
}
