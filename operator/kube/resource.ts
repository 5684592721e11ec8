import type * as k8s from '@kubernetes/client-node'
import type { KubeObject, Model } from './object.ts'

/** Where a kind lives in the API. The type parameter is the type of its objects; it exists only for the compiler. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  group: string
  version: string
  kind: string
  plural: string
  namespaced: boolean
  /** Never set: carries T. */
  readonly object?: T
}

export function defineResource<T extends KubeObject>(resource: Omit<Resource<T>, 'object'>): Resource<T> {
  return resource
}

export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** The path of a collection, or of one object where a name is given: `/apis/apps/v1/namespaces/default/deployments/web/status`. */
export function pathOf(
  resource: Resource,
  { namespace, name, subresource }: { namespace?: string | undefined; name?: string; subresource?: string } = {},
): string {
  if (!resource.namespaced && namespace !== undefined)
    throw new TypeError(`${resource.kind} is cluster-scoped, but the namespace ${namespace} was given`)
  if (resource.namespaced && name !== undefined && namespace === undefined)
    throw new TypeError(`${resource.kind} ${name} needs a namespace`)
  const segments = [
    ...(resource.group === '' ? ['api'] : ['apis', resource.group]),
    resource.version,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('')
}

export type ConfigMap = Model<k8s.V1ConfigMap>
export type Deployment = Model<k8s.V1Deployment>
export type EndpointSlice = Model<k8s.V1EndpointSlice>
export type Event = Model<k8s.EventsV1Event>
export type HorizontalPodAutoscaler = Model<k8s.V2HorizontalPodAutoscaler>
export type Job = Model<k8s.V1Job>
export type Lease = Model<k8s.V1Lease>
export type Namespace = Model<k8s.V1Namespace>
export type PersistentVolumeClaim = Model<k8s.V1PersistentVolumeClaim>
export type Pod = Model<k8s.V1Pod>
export type PodDisruptionBudget = Model<k8s.V1PodDisruptionBudget>
export type ReplicaSet = Model<k8s.V1ReplicaSet>
export type Secret = Model<k8s.V1Secret>
export type Service = Model<k8s.V1Service>
export type CustomResourceDefinition = Model<k8s.V1CustomResourceDefinition>
/** Prometheus operator's; there only where its CRD is installed. */
export interface ServiceMonitor extends KubeObject {
  spec: {
    selector: {
      matchLabels?: Record<string, string>
      matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[]
    }
    namespaceSelector?: { matchNames?: string[] }
    endpoints: { port?: string; path?: string; interval?: string; scrapeTimeout?: string; honorLabels?: boolean }[]
    targetLabels?: string[]
    podTargetLabels?: string[]
  }
}

const core = { group: '', version: 'v1', namespaced: true }

export const configMaps = defineResource<ConfigMap>({ ...core, kind: 'ConfigMap', plural: 'configmaps' })
export const namespaces = defineResource<Namespace>({
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
})
export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  ...core,
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
})
export const pods = defineResource<Pod>({ ...core, kind: 'Pod', plural: 'pods' })
export const secrets = defineResource<Secret>({ ...core, kind: 'Secret', plural: 'secrets' })
export const services = defineResource<Service>({ ...core, kind: 'Service', plural: 'services' })

const apps = { group: 'apps', version: 'v1', namespaced: true }
export const deployments = defineResource<Deployment>({ ...apps, kind: 'Deployment', plural: 'deployments' })
export const replicaSets = defineResource<ReplicaSet>({ ...apps, kind: 'ReplicaSet', plural: 'replicasets' })

export const jobs = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
})
export const horizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
})
export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
})
export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
})
export const events = defineResource<Event>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
})
export const endpointSlices = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
})
export const customResourceDefinitions = defineResource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
})
export const serviceMonitors = defineResource<ServiceMonitor>({
  group: 'monitoring.coreos.com',
  version: 'v1',
  kind: 'ServiceMonitor',
  plural: 'servicemonitors',
  namespaced: true,
})
