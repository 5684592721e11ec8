import { API_GROUP, API_VERSION } from '../../contract/names.ts'
import type { ObjectMeta } from '../api/object-meta.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import { COMPONENT_LABEL, MODEL_LABEL, VERSION_LABEL } from '../plan/serving-selector.ts'

export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  component: COMPONENT_LABEL,
  model: MODEL_LABEL,
  version: VERSION_LABEL,
  /** On Jobs. */
  stage: `${API_GROUP}/stage`,
  attempt: `${API_GROUP}/attempt`,
  /** On the ConfigMap of a decision: its kind. */
  decision: `${API_GROUP}/decision`,
} as const

export const MANAGER = 'valence'

/** Selects everything that the operator made. */
export const MANAGED = `${LABELS.managedBy}=${MANAGER}`

export const ANNOTATIONS = {
  /** On Jobs: stands for spec.job as it was when the Job was made. */
  inputHash: `${API_GROUP}/input-hash`,
  /** On Jobs: the image that was asked for. */
  image: `${API_GROUP}/image`,
  /** On serving pods: the epoch of the routing file that they are to run. */
  routingEpoch: `${API_GROUP}/routing-epoch`,
  /** On what is applied: stands for all that we state, so that a field that we cease to state is taken away too. */
  appliedHash: `${API_GROUP}/applied-hash`,
} as const

export type Component = 'trainer' | 'evaluator' | 'remover' | 'server' | 'storage' | 'version' | 'decision'

export function labelsOf(model: string, component: Component, version?: string): Record<string, string> {
  return {
    [LABELS.managedBy]: MANAGER,
    [LABELS.name]: MANAGER,
    [LABELS.component]: component,
    [LABELS.model]: model,
    ...(version !== undefined && { [LABELS.version]: version }),
  }
}

/** The child is garbage-collected with its owner, and only the owner's controller writes it. */
export function ownedBy(owner: SentimentModel | ModelVersion): NonNullable<ObjectMeta['ownerReferences']> {
  const { name, uid } = owner.metadata
  if (uid === undefined)
    throw new TypeError(`${owner.kind} ${name} has no uid: only an object that the API server gave can own another`)
  return [
    {
      apiVersion: `${API_GROUP}/${API_VERSION}`,
      kind: owner.kind,
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]
}
