import { z } from 'zod'
import { field, matches } from '../field.ts'
import { autoscaling } from './autoscaling.ts'
import { image, nodeSelector, tolerations } from './pod-placement.ts'
import { resources } from './quantity.ts'

export const PRECISIONS = ['int8', 'fp32'] as const
export type Precision = (typeof PRECISIONS)[number]

export const serving = field(
  z.strictObject({
    version: field(
      z.string().max(63),
      'Pins the served version by the name of its ModelVersion: the way to roll back. No traffic moves while it is set; a changed spec is trained and judged all the same, and takes over when the pin goes. Absent: the version of the current spec.',
      {
        rules: [
          matches(
            /^[a-z0-9-]+-[0-9a-f]{10}$/,
            'serving.version must be the name of a ModelVersion: <model>-<10 hexadecimal digits>',
          ),
        ],
      },
    ).optional(),
    replicas: field(
      z.int().min(0).max(1000),
      'Serving pods. 0: nothing answers. An autoscaler sets it by the scale subresource; leave it out of the manifest then.',
    ).default(1),
    autoscaling: autoscaling.optional(),
    precision: field(
      z.enum(['auto', ...PRECISIONS]),
      "Weights to serve: auto is int8 where it stays within gates.int8 and was not slower on the evaluator's CPU, and fp32 otherwise.",
    ).default('auto'),
    image: image.optional(),
    resources: resources('serving.resources', 'Requests and limits of a serving container.').optional(),
    nodeSelector: nodeSelector.optional(),
    tolerations: tolerations.optional(),
  }),
  'How the model is served.',
)
export type Serving = z.infer<typeof serving>
