import { type KubeObject, keyOf, type Live } from './object.ts'

export type Change<T extends KubeObject> =
  | { type: 'added'; object: Live<T> }
  | { type: 'updated'; previous: Live<T>; object: Live<T> }
  | { type: 'deleted'; object: Live<T> }

/** What controllers see of a cache. Objects are shared: never change one. */
export interface Cache<T extends KubeObject> {
  get: (namespace: string | undefined, name: string) => Live<T> | undefined
  list: (namespace?: string) => Live<T>[]
  /** Objects that the index files under this value. */
  byIndex: (index: string, value: string) => Live<T>[]
  /** Objects that name this uid as an owner. */
  ownedBy: (uid: string) => Live<T>[]
  /** Called with every change, own writes included. Returns a function that ends it. */
  onChange: (handler: (change: Change<T>) => void) => () => void
  /**
   * Read your writes: hand over what a write returned. The cache then shows it at once, and drops what the watch, which is
   * behind, still has to say about older versions of it. So no reconcile acts on a view older than its own last write.
   * Only for objects that the informer selects: of others it never hears again.
   */
  observeWrite: (object: Live<T>) => void
  /** The same for a delete that left nothing behind: an object of this uid is not shown again. */
  observeDelete: (object: { metadata: { name: string; namespace?: string | undefined; uid: string } }) => void
  readonly size: number
}

export type Indexes<T extends KubeObject> = Record<string, (object: Live<T>) => readonly string[]>

/**
 * A cache and the side that the watch feeds.
 *
 * Versions decide, never the order of arrival: an object replaces another only if its resourceVersion is newer. That versions of one
 * resource can be compared as numbers is promised from Kubernetes 1.35 on (KEP-5504) and holds for every server with etcd before.
 */
export class ObjectStore<T extends KubeObject> implements Cache<T> {
  readonly #objects = new Map<string, Live<T>>()
  readonly #indexes: Indexes<T>
  readonly #filed = new Map<string, Map<string, Set<string>>>()
  readonly #handlers = new Set<(change: Change<T>) => void>()
  /** Uids deleted by ourselves, of which the watch has not said so yet: kept until it does, or until a list is without them. */
  readonly #tombstones = new Set<string>()
  /** Up to where the watch has told everything. */
  #seen = '0'

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = { owner: ({ metadata }) => metadata.ownerReferences?.map(({ uid }) => uid) ?? [], ...indexes }
    for (const name of Object.keys(this.#indexes)) this.#filed.set(name, new Map())
  }

  get size(): number {
    return this.#objects.size
  }

  get = (namespace: string | undefined, name: string): Live<T> | undefined =>
    this.#objects.get(keyOf({ metadata: { namespace, name } }))

  list = (namespace?: string): Live<T>[] => {
    const all = [...this.#objects.values()]
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace)
  }

  byIndex = (index: string, value: string): Live<T>[] => {
    const filed = this.#filed.get(index)
    if (!filed) throw new TypeError(`there is no index ${index}; there are ${[...this.#filed.keys()].join(', ')}`)
    return [...(filed.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? [])
  }

  ownedBy = (uid: string): Live<T>[] => this.byIndex('owner', uid)

  onChange = (handler: (change: Change<T>) => void): (() => void) => {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  observeWrite = (object: Live<T>): void => {
    // The watch has told everything up to this version, and the object is not there: it was deleted before its write was handed over.
    if (!this.#objects.has(keyOf(object)) && !isNewer(object.metadata.resourceVersion, this.#seen)) return
    this.#put(object)
  }

  observeDelete = ({ metadata }: { metadata: { name: string; namespace?: string | undefined; uid: string } }): void => {
    const key = keyOf({ metadata })
    this.#tombstones.add(metadata.uid)
    if (this.#objects.get(key)?.metadata.uid === metadata.uid) this.#remove(key)
  }

  /** A watch event. */
  applied(object: Live<T>): void {
    this.#seen = object.metadata.resourceVersion
    this.#put(object)
  }

  /** A watch event; the object is as it was last, with the version of its deletion. */
  deleted(object: Live<T>): void {
    this.#seen = object.metadata.resourceVersion
    this.#tombstones.delete(object.metadata.uid)
    const key = keyOf(object)
    const stored = this.#objects.get(key)
    // Otherwise a newer object of this name was written since.
    if (stored && !isNewer(stored.metadata.resourceVersion, object.metadata.resourceVersion)) this.#remove(key)
  }

  /** Nothing has changed up to this version. */
  bookmark(resourceVersion: string): void {
    this.#seen = resourceVersion
  }

  /** All objects of one moment. */
  listed(objects: readonly Live<T>[], resourceVersion: string): void {
    // A server that was restored from a backup: what we hold is of a future that did not happen.
    const hasGoneBack = isNewer(this.#seen, resourceVersion)
    // A uid never returns, so a tombstone is good until nobody shows the object any more.
    const uids = new Set(objects.map(({ metadata }) => metadata.uid))
    for (const uid of this.#tombstones) if (hasGoneBack || !uids.has(uid)) this.#tombstones.delete(uid)
    const present = new Set(objects.map((object) => keyOf(object)))
    for (const [key, { metadata }] of [...this.#objects]) {
      // What we wrote after that moment can't be in its list.
      if (!present.has(key) && (hasGoneBack || !isNewer(metadata.resourceVersion, resourceVersion))) this.#remove(key)
    }
    this.#seen = resourceVersion
    for (const object of objects) this.#put(object, hasGoneBack)
  }

  #put(object: Live<T>, isForced = false): void {
    const { uid, resourceVersion } = object.metadata
    if (this.#tombstones.has(uid)) return
    const key = keyOf(object)
    const stored = this.#objects.get(key)
    if (stored && stored.metadata.resourceVersion === resourceVersion && stored.metadata.uid === uid) return
    if (stored && !isForced && !isNewer(resourceVersion, stored.metadata.resourceVersion)) return
    // Another object of the same name: who held on to the old one must hear that it is gone.
    if (stored && stored.metadata.uid !== uid) this.#remove(key)
    const previous = this.#objects.get(key)
    if (previous) this.#unfile(key, previous)
    this.#objects.set(key, object)
    this.#file(key, object)
    this.#tell(previous ? { type: 'updated', previous, object } : { type: 'added', object })
  }

  #remove(key: string): void {
    const object = this.#objects.get(key)
    if (!object) return
    this.#objects.delete(key)
    this.#unfile(key, object)
    this.#tell({ type: 'deleted', object })
  }

  #file(key: string, object: Live<T>): void {
    for (const [name, valuesOf] of Object.entries(this.#indexes)) {
      const filed = this.#filed.get(name)
      for (const value of valuesOf(object)) {
        const keys = filed?.get(value) ?? new Set()
        keys.add(key)
        filed?.set(value, keys)
      }
    }
  }

  #unfile(key: string, object: Live<T>): void {
    for (const [name, valuesOf] of Object.entries(this.#indexes)) {
      const filed = this.#filed.get(name)
      for (const value of valuesOf(object)) {
        const keys = filed?.get(value)
        keys?.delete(key)
        if (keys?.size === 0) filed?.delete(value)
      }
    }
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) handler(change)
  }
}

/** Whether a is a later version than b. Versions are decimal numbers of any length. */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
