import { z } from 'zod'
import { field, matches } from '../field.ts'
import { duration } from './duration.ts'
import { image, nodeSelector, tolerations } from './pod-placement.ts'
import { resources } from './quantity.ts'

export const dnsSubdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** The name of another object; `name` is the field's name in the message. */
export function objectName(name: string, description: string) {
  return field(z.string().min(1).max(253), description, {
    rules: [matches(dnsSubdomain, `${name} must be the name of an object: lowercase letters, digits, "-" and "."`)],
  })
}

export const job = field(
  z.strictObject({
    image: image.optional(),
    gpu: field(z.int().min(0).max(64), 'GPUs (nvidia.com/gpu) of a training Job. 0: it trains on the CPU.').default(0),
    resources: resources('job.resources', 'Requests and limits of the container, GPUs apart.').optional(),
    nodeSelector: nodeSelector.optional(),
    tolerations: tolerations.optional(),
    runtimeClassName: objectName(
      'job.runtimeClassName',
      'RuntimeClass of the pods, where GPUs need one (for example nvidia).',
    ).optional(),
    priorityClassName: objectName('job.priorityClassName', 'PriorityClass of the pods.').optional(),
    tokenSecretRef: field(
      z.strictObject({
        name: objectName('job.tokenSecretRef.name', 'Name of the Secret, in this namespace.'),
        key: field(z.string().min(1).max(253), 'The key in the Secret that holds the token.', {
          rules: [matches(/^[A-Za-z0-9._-]+$/, 'job.tokenSecretRef.key must be a key of a Secret')],
        }).default('token'),
      }),
      'The token for the Hugging Face Hub, for private or gated repositories.',
    ).optional(),
    hubEndpoint: field(z.string().max(512), 'URL of a mirror of the Hugging Face Hub. Absent: the Hub itself.', {
      rules: [
        matches(/^https?:\/\/[A-Za-z0-9.:\[\]-]+(\/[^ ]*)?$/, 'job.hubEndpoint must be a URL with http:// or https://'),
      ],
    }).optional(),
    deadlines: field(
      z.strictObject({
        pending: duration(
          'job.deadlines.pending',
          'A Job whose pod does not run by then (no node, no GPU, no image) is a failed attempt.',
        ).default('30m'),
        active: duration(
          'job.deadlines.active',
          'A Job that has not ended by then, counted from its start, is stopped: a failed attempt.',
        ).default('6h'),
      }),
      'Deadlines of a Job, as durations such as 90s, 30m, 6h or 1h30m.',
    ).prefault({}),
    retries: field(
      z.int().min(0).max(10),
      'Attempts after the first failed one. Bad data or a bad spec is never retried: the same input fails again.',
    ).default(3),
  }),
  "How the Jobs of this model (training, import and evaluation) run. Never part of a version's identity: a change here trains nothing.",
)
