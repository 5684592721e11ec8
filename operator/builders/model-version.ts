import { API_GROUP, API_VERSION } from '../../contract/names.ts'
import { MODEL_VERSION_KIND, type ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { VersionIdentity } from '../plan/identity.ts'
import { claimOf } from '../plan/model.ts'
import { ARTIFACT_FINALIZER } from '../plan/removal.ts'
import { labelsOf, ownedBy } from './metadata.ts'

export function buildModelVersion(model: SentimentModel, { name, spec }: VersionIdentity): ModelVersion {
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: MODEL_VERSION_KIND,
    metadata: {
      name,
      namespace: model.metadata.namespace,
      labels: labelsOf(model.metadata.name, 'version', name),
      ownerReferences: ownedBy(model),
      finalizers: [ARTIFACT_FINALIZER],
    },
    spec: { ...spec, claimName: claimOf(model) },
  }
}
