import { PORTS } from '../../contract/names.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { Service } from '../kube/resource.ts'
import { servingSelector } from '../plan/serving-selector.ts'
import { labelsOf, ownedBy } from './metadata.ts'

/** The Service whose name callers use for life; its selector says which version answers. */
export function buildFrontService(model: SentimentModel, stable: string): Service {
  return build(model, model.metadata.name, stable, labelsOf(model.metadata.name, 'server'))
}

/** The Service of one version: what other versions' pods forward to. */
export function buildVersionService(model: SentimentModel, version: string): Service {
  return build(model, version, version, labelsOf(model.metadata.name, 'server', version))
}

function build(model: SentimentModel, name: string, version: string, labels: Record<string, string>): Service {
  return {
    metadata: { name, namespace: model.metadata.namespace, labels, ownerReferences: ownedBy(model) },
    spec: {
      type: 'ClusterIP',
      selector: servingSelector(model.metadata.name, version),
      ports: [
        { name: 'http', port: PORTS.api, targetPort: 'http', protocol: 'TCP' },
        { name: 'metrics', port: PORTS.metrics, targetPort: 'metrics', protocol: 'TCP' },
      ],
    },
  }
}
