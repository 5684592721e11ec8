/** The local copies of everything that the controllers read: our own kinds, and the objects that carry our label. */
import { LABELS, MANAGED } from '../builders/metadata.ts'
import type { Cache } from '../kube/cache.ts'
import { createInformer, type Informer, type InformerOptions } from '../kube/informer.ts'
import type { KubeObject } from '../kube/object.ts'
import {
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  jobs,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  services,
  type ConfigMap,
  type Deployment,
  type HorizontalPodAutoscaler,
  type Job,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  type Resource,
  type Service,
} from '../kube/resource.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import { modelVersions, sentimentModels } from './resources.ts'

export interface Caches {
  models: Cache<SentimentModel>
  versions: Cache<ModelVersion>
  jobs: Cache<Job>
  pods: Cache<Pod>
  deployments: Cache<Deployment>
  services: Cache<Service>
  configMaps: Cache<ConfigMap>
  claims: Cache<PersistentVolumeClaim>
  disruptionBudgets: Cache<PodDisruptionBudget>
  autoscalers: Cache<HorizontalPodAutoscaler>
}

/** Index of pods by the version they belong to. */
export const BY_VERSION = 'version'
/** Index of versions by the model they belong to. */
export const BY_MODEL = 'model'

export interface CacheSet {
  /** undefined: all namespaces. */
  namespace: string | undefined
  caches: Caches
  informers: Informer<never>[]
}

export function createCaches(
  options: Pick<InformerOptions<KubeObject>, 'transport' | 'clock' | 'log' | 'metrics'>,
  namespace: string | undefined,
): CacheSet {
  const informers: Informer<never>[] = []
  const watch = <T extends KubeObject>(resource: Resource<T>, more: Partial<InformerOptions<T>> = {}): Cache<T> => {
    const informer = createInformer<T>({ ...options, resource, namespace, ...more })
    informers.push(informer as unknown as Informer<never>)
    return informer.cache
  }
  const children = { labelSelector: MANAGED }
  const labelled = (label: string) => (object: KubeObject) => {
    const value = object.metadata.labels?.[label]
    return value === undefined ? [] : [`${object.metadata.namespace ?? ''}/${value}`]
  }
  const caches: Caches = {
    models: watch(sentimentModels),
    versions: watch(modelVersions, { indexes: { [BY_MODEL]: labelled(LABELS.model) } }),
    jobs: watch(jobs, children),
    pods: watch(pods, { ...children, indexes: { [BY_VERSION]: labelled(LABELS.version) } }),
    deployments: watch(deployments, children),
    services: watch(services, children),
    configMaps: watch(configMaps, children),
    claims: watch(persistentVolumeClaims, children),
    disruptionBudgets: watch(podDisruptionBudgets, children),
    autoscalers: watch(horizontalPodAutoscalers, children),
  }
  return { namespace, caches, informers }
}
