import { expect, test } from 'vitest'
import { modelOf } from '../plan/testing/factories.ts'
import { buildAutoscaler } from './autoscaler.ts'

/** With the defaults of the schema. */
function built(autoscaling: object) {
  const model = modelOf({ serving: { autoscaling } })
  const parsed = model.spec.serving.autoscaling
  if (!parsed) throw new Error('no autoscaling')
  return buildAutoscaler(model, parsed)
}

test('a HorizontalPodAutoscaler, as a whole: it scales the model by the CPU of its server containers', () => {
  expect(built({ maxReplicas: 10 })).toEqual({
    metadata: {
      name: 'reviews',
      namespace: 'shop',
      labels: {
        'app.kubernetes.io/managed-by': 'valence',
        'app.kubernetes.io/name': 'valence',
        'app.kubernetes.io/component': 'server',
        'valence.dev/model': 'reviews',
      },
      ownerReferences: [
        {
          apiVersion: 'valence.dev/v1alpha1',
          kind: 'SentimentModel',
          name: 'reviews',
          uid: 'model-uid',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      scaleTargetRef: { apiVersion: 'valence.dev/v1alpha1', kind: 'SentimentModel', name: 'reviews' },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [
        {
          type: 'ContainerResource',
          containerResource: {
            name: 'cpu',
            container: 'server',
            target: { type: 'Utilization', averageUtilization: 80 },
          },
        },
      ],
    },
  })
})

test('metrics and behaviour are passed on as they are', () => {
  const target = { type: 'AverageValue', averageValue: '2000' }
  const metrics = [{ type: 'Pods', pods: { metric: { name: 'inference_tokens_in_flight' }, target } }]
  const behavior = { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } }
  expect(built({ minReplicas: 2, maxReplicas: 10, metrics, behavior }).spec).toMatchObject({
    minReplicas: 2,
    maxReplicas: 10,
    metrics,
    behavior,
  })
})
