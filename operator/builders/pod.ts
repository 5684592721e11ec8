/** What all pods of ours have in common: the restricted Pod Security standard, no token, nothing to write to but their volumes. */
import type { V1Container, V1PodSpec, V1ResourceRequirements } from '@kubernetes/client-node'
import { MOUNTS } from '../../contract/names.ts'
import type { Resources } from '../api/v1alpha1/quantity.ts'
import type { Serving } from '../api/v1alpha1/serving.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import type { Json } from '../kube/object.ts'
import { LABELS } from './metadata.ts'

export type PodSpec = Json<V1PodSpec>
export type Container = Json<V1Container>

type ResourceRequirements = Json<V1ResourceRequirements>

type Storage = SentimentModelSpec['storage']

/** The user of the images; its group owns what the volumes hold. */
const USER = 65532

export const podDefaults = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: USER,
    runAsGroup: USER,
    fsGroup: USER,
    // A volume of many artifacts is not walked file by file at each start of a pod.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
} satisfies Partial<PodSpec>

export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} satisfies Container['securityContext']

export const scratchVolume = { name: 'scratch', emptyDir: {} }
export const scratchMount = { name: 'scratch', mountPath: MOUNTS.scratch }

/** Where a pod may run. */
export function placementOf({
  nodeSelector,
  tolerations,
}: Pick<Serving, 'nodeSelector' | 'tolerations'>): Partial<PodSpec> {
  return {
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations && { tolerations: tolerations.map((toleration) => withoutUndefined(toleration)) }),
  }
}

/**
 * Keeps the pods of a model together where its claim can be mounted on one node only. The scheduler does not see to that by itself
 * for volumes of the network: the second node would wait for ever to attach it. An existing claim's modes are its owner's affair.
 */
export function sharedNodeOf(model: string, { claimName, accessModes }: Storage): Partial<PodSpec> {
  if (claimName !== undefined || accessModes?.includes('ReadWriteMany')) return {}
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { [LABELS.model]: model } } }
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
}

const withoutUndefined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

export const ARTIFACTS_VOLUME = 'artifacts'

/** Defaults for what the user leaves open, one resource at a time: beside a request or a limit of theirs ours could contradict it. */
export function resourcesOf(resources: Resources | undefined, defaults: Resources): ResourceRequirements {
  const given = new Set(Object.keys({ ...resources?.requests, ...resources?.limits }))
  const open = (amounts: Resources['requests'] = {}) =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !given.has(name)))
  const merged = {
    requests: { ...open(defaults.requests), ...resources?.requests },
    limits: { ...open(defaults.limits), ...resources?.limits },
  }
  return {
    ...(Object.keys(merged.requests).length > 0 && { requests: texts(merged.requests) }),
    ...(Object.keys(merged.limits).length > 0 && { limits: texts(merged.limits) }),
  }
}

const texts = (amounts: Record<string, string | number>) =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(amount)]))
