import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { PersistentVolumeClaim } from '../kube/resource.ts'
import { labelsOf, ownedBy } from './metadata.ts'

/** The claim for the artifacts of a model that brings none of its own. */
export function buildClaim(model: SentimentModel, name: string): PersistentVolumeClaim {
  const { size, storageClassName, accessModes } = model.spec.storage
  return {
    metadata: {
      name,
      namespace: model.metadata.namespace,
      labels: labelsOf(model.metadata.name, 'storage'),
      ownerReferences: ownedBy(model),
    },
    spec: {
      accessModes: accessModes ?? ['ReadWriteOnce'],
      resources: { requests: { storage: size ?? '' } },
      ...(storageClassName !== undefined && { storageClassName }),
    },
  }
}
