import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { PodDisruptionBudget } from '../kube/resource.ts'
import { servingSelector } from '../plan/serving-selector.ts'
import { labelsOf, ownedBy } from './metadata.ts'

/** A drained node takes one pod of a version at a time. With a single replica that one may go: a budget of none would block the drain for ever. */
export function buildDisruptionBudget(model: SentimentModel, version: string): PodDisruptionBudget {
  return {
    metadata: {
      name: version,
      namespace: model.metadata.namespace,
      labels: labelsOf(model.metadata.name, 'server', version),
      ownerReferences: ownedBy(model),
    },
    spec: { maxUnavailable: 1, selector: { matchLabels: servingSelector(model.metadata.name, version) } },
  }
}
