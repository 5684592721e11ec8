import { ROUTING_FILE } from '../../contract/names.ts'
import { routing, type Routing } from '../../contract/routing.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { ConfigMap } from '../kube/resource.ts'
import { routingName } from './deployment.ts'
import { labelsOf, ownedBy } from './metadata.ts'

export function buildRouting(model: SentimentModel, content: Routing): ConfigMap {
  return {
    metadata: {
      name: routingName(model.metadata.name),
      namespace: model.metadata.namespace,
      labels: labelsOf(model.metadata.name, 'server'),
      ownerReferences: ownedBy(model),
    },
    data: { [ROUTING_FILE]: `${JSON.stringify(content, null, 2)}\n` },
  }
}

/** What the ConfigMap holds; undefined where it is absent or someone has broken it, and then it is written anew. */
export function readRouting(configMap: ConfigMap | undefined): Routing | undefined {
  try {
    return routing.parse(JSON.parse(configMap?.data?.[ROUTING_FILE] ?? ''))
  } catch {
    return undefined
  }
}
