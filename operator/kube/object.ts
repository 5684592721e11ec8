/**
 * Kubernetes objects as this program holds them: plain JSON, exactly what the API server sent, never class instances.
 *
 * The model classes of @kubernetes/client-node describe objects after *its* deserializer: dates are `Date`, and names that clash
 * with keywords carry an underscore. `Json` turns such a class into the type of the JSON itself (dates are RFC 3339 strings, names
 * as on the wire), so its field documentation serves us without its run time.
 */
export type Json<T> = unknown extends T
  ? T
  : T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: Json<T[Key]> }
        : T

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean | undefined
  blockOwnerDeletion?: boolean | undefined
}

export interface ObjectMeta {
  name: string
  namespace?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
  generation?: number | undefined
  creationTimestamp?: string | undefined
  deletionTimestamp?: string | undefined
  labels?: Record<string, string> | undefined
  annotations?: Record<string, string> | undefined
  finalizers?: string[] | undefined
  ownerReferences?: OwnerReference[] | undefined
}

/** Any object: what builders make and `apply` takes. The client fills in apiVersion and kind from the resource. */
export interface KubeObject {
  apiVersion?: string | undefined
  kind?: string | undefined
  metadata: ObjectMeta
}

/** An object as the API server gave it. */
export type Live<T extends KubeObject> = T & {
  apiVersion: string
  kind: string
  metadata: { uid: string; resourceVersion: string; creationTimestamp: string }
}

/** The JSON type of one of client-node's model classes, with our metadata. */
export type Model<T> = Omit<Json<T>, 'apiVersion' | 'kind' | 'metadata'> & KubeObject

/** `namespace/name`, or just the name of a cluster-scoped object: the key of caches and work queues. */
export function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`
}

export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find((reference) => reference.controller)
}
