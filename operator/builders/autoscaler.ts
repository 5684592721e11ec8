import { API_GROUP, API_VERSION } from '../../contract/names.ts'
import type { Autoscaling } from '../api/v1alpha1/autoscaling.ts'
import { SENTIMENT_MODEL_KIND, type SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { HorizontalPodAutoscaler } from '../kube/resource.ts'
import { labelsOf, ownedBy } from './metadata.ts'
import { SERVER_CONTAINER } from './deployment.ts'

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>

/** Of the container, not of the pod: what a sidecar uses, or does not request, is not the model's work. */
const CPU: NonNullable<Spec['metrics']> = [
  {
    type: 'ContainerResource',
    containerResource: {
      name: 'cpu',
      container: SERVER_CONTAINER,
      target: { type: 'Utilization', averageUtilization: 80 },
    },
  },
]

/**
 * Scales the model, not a Deployment: Deployments come and go with versions, the model stays. Through the model's scale subresource it
 * measures the pods of the stable version and writes spec.serving.replicas.
 */
export function buildAutoscaler(
  model: SentimentModel,
  { minReplicas, maxReplicas, metrics, behavior }: Autoscaling,
): HorizontalPodAutoscaler {
  const { name, namespace } = model.metadata
  return {
    metadata: { name, namespace, labels: labelsOf(name, 'server'), ownerReferences: ownedBy(model) },
    spec: {
      scaleTargetRef: { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: SENTIMENT_MODEL_KIND, name },
      minReplicas,
      maxReplicas,
      metrics: (metrics as Spec['metrics'] | undefined) ?? CPU,
      ...(behavior && { behavior: behavior as NonNullable<Spec['behavior']> }),
    },
  }
}
