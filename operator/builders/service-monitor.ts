import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { ServiceMonitor } from '../kube/resource.ts'
import { LABELS, labelsOf, ownedBy } from './metadata.ts'

/**
 * Scrapes the serving pods of all versions through the versions' Services. The front Service is left out, which has no version
 * label: its pods would be scraped twice.
 */
export function buildServiceMonitor(model: SentimentModel): ServiceMonitor {
  return {
    metadata: {
      name: model.metadata.name,
      namespace: model.metadata.namespace,
      labels: labelsOf(model.metadata.name, 'server'),
      ownerReferences: ownedBy(model),
    },
    spec: {
      selector: {
        matchLabels: { [LABELS.model]: model.metadata.name },
        matchExpressions: [{ key: LABELS.version, operator: 'Exists' }],
      },
      endpoints: [{ port: 'metrics', path: '/metrics' }],
      targetLabels: [LABELS.model, LABELS.version],
    },
  }
}
