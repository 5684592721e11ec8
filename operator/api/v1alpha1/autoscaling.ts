/** How many serving pods there are at least and at most, and by what they are scaled: metrics and behaviour in the form of autoscaling/v2. */
import { z } from 'zod'
import { field } from '../field.ts'
import { above0 } from './quantity.ts'

const MAX_NAME = 253
const text = (description: string, max = MAX_NAME) => field(z.string().min(1).max(max), description)

const selector = field(
  z.strictObject({
    matchLabels: field(z.record(z.string(), field(z.string().max(63), 'The value.')), 'Labels and their values.', {
      maxProperties: 16,
    }).optional(),
    matchExpressions: field(
      z
        .array(
          field(
            z.strictObject({
              key: text('The label.', 316),
              operator: field(z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']), 'How it is compared.'),
              values: field(z.array(field(z.string().max(63), 'A value.')).max(16), 'The values, for In and NotIn.', {
                listType: 'atomic',
              }).optional(),
            }),
            'A requirement.',
          ),
        )
        .max(16),
      'Requirements, all of which hold.',
      { listType: 'atomic' },
    ).optional(),
  }),
  'Labels of the series. Absent: any.',
)

const TARGETS = { Utilization: 'averageUtilization', AverageValue: 'averageValue', Value: 'value' } as const

const target = field(
  z.strictObject({
    type: field(z.enum(['Utilization', 'AverageValue', 'Value']), 'Which of the others says what is aimed at.'),
    averageUtilization: field(
      z.int().min(1).max(10_000),
      'Percent of what the pods request, on average. For resources only.',
    ).optional(),
    averageValue: above0(
      'averageValue',
      'Of each pod, on average: a Kubernetes quantity.',
      '"2000" or 500m',
    ).optional(),
    value: above0('value', 'Of the metric as it is: a Kubernetes quantity.', '"2000" or 500m').optional(),
  }),
  'What is aimed at.',
  {
    rules: [
      {
        cel: '(self.type == "Utilization") == has(self.averageUtilization) && (self.type == "AverageValue") == has(self.averageValue) && (self.type == "Value") == has(self.value)',
        message:
          'target must have the one field that its type names: averageUtilization, averageValue or value for Utilization, AverageValue or Value',
        holds: (given) =>
          Object.entries(TARGETS).every(([type, name]) => (given.type === type) === (given[name] !== undefined)),
      },
    ],
  },
)

const metricIdentifier = field(
  z.strictObject({ name: text('Its name.'), selector: selector.optional() }),
  'The metric as the metrics API knows it.',
)

const METRICS = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
} as const

const metric = field(
  z.strictObject({
    type: field(
      z.enum(['Resource', 'ContainerResource', 'Pods', 'Object', 'External']),
      'Where it comes from. The field of the same name says which one.',
    ),
    resource: field(
      z.strictObject({ name: text('cpu or memory.'), target }),
      'CPU or memory of the whole pods, from metrics.k8s.io.',
    ).optional(),
    containerResource: field(
      z.strictObject({ name: text('cpu or memory.'), container: text('Name of the container: server.', 63), target }),
      'CPU or memory of one container of the pods, from metrics.k8s.io.',
    ).optional(),
    pods: field(
      z.strictObject({ metric: metricIdentifier, target }),
      "A metric of each of the stable version's pods, from custom.metrics.k8s.io.",
    ).optional(),
    object: field(
      z.strictObject({
        describedObject: field(
          z.strictObject({
            apiVersion: text('Its API version.').optional(),
            kind: text('Its kind.', 63),
            name: text('Its name.'),
          }),
          'The object, in the namespace of the model.',
        ),
        metric: metricIdentifier,
        target,
      }),
      'A metric of one object, from custom.metrics.k8s.io.',
    ).optional(),
    external: field(
      z.strictObject({ metric: metricIdentifier, target }),
      'A metric of anything else, from external.metrics.k8s.io.',
    ).optional(),
  }),
  'A metric and what is aimed at.',
  {
    rules: [
      {
        cel: Object.entries(METRICS)
          .map(([type, name]) => `(self.type == "${type}") == has(self.${name})`)
          .join(' && '),
        message:
          'a metric must have the one field that its type names: resource, containerResource, pods, object or external',
        holds: (given) =>
          Object.entries(METRICS).every(([type, name]) => (given.type === type) === (given[name] !== undefined)),
      },
    ],
  },
)

const direction = (description: string) =>
  field(
    z.strictObject({
      stabilizationWindowSeconds: field(
        z.int().min(0).max(3600),
        'Of the wishes of this time the most cautious one counts.',
      ).optional(),
      selectPolicy: field(
        z.enum(['Max', 'Min', 'Disabled']),
        'Which of the policies counts; Disabled: never in this direction.',
      ).optional(),
      policies: field(
        z
          .array(
            field(
              z.strictObject({
                type: field(z.enum(['Pods', 'Percent']), 'What value counts.'),
                value: field(z.int().min(1).max(1_000_000), 'The largest change.'),
                periodSeconds: field(z.int().min(1).max(1800), 'In this time.'),
              }),
              'The largest change in a time.',
            ),
          )
          .min(1)
          .max(8),
        'How fast it may go.',
        { listType: 'atomic' },
      ).optional(),
    }),
    description,
  )

export const autoscaling = field(
  z.strictObject({
    minReplicas: field(z.int().min(1).max(1000), 'Pods at least.').default(1),
    maxReplicas: field(z.int().min(1).max(1000), 'Pods at most.'),
    metrics: field(
      z.array(metric).min(1).max(8),
      'What is aimed at, in the form of autoscaling/v2; of several metrics the one that takes most pods counts. Absent: 80 % of the CPU that the container requests.',
      { listType: 'atomic' },
    ).optional(),
    behavior: field(
      z.strictObject({
        scaleUp: direction('Towards more pods.').optional(),
        scaleDown: direction('Towards fewer pods.').optional(),
      }),
      'How fast the number of pods changes, in the form of autoscaling/v2. Absent: as the HorizontalPodAutoscaler has it by default.',
    ).optional(),
  }),
  "A HorizontalPodAutoscaler on the stable version's pods, which sets replicas; leave that out of the manifest then. While a version is rolled out, and for five minutes after, it does not go below what there was. replicas: 0 switches it off.",
  {
    rules: [
      {
        at: ['minReplicas'],
        cel: 'self.minReplicas <= self.maxReplicas',
        message: 'serving.autoscaling.minReplicas must not be above maxReplicas',
        holds: ({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas,
      },
    ],
  },
)
export type Autoscaling = z.infer<typeof autoscaling>
