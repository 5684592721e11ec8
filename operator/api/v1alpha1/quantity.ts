import { z } from 'zod'
import { field } from '../field.ts'

// Kubernetes' quantities without a sign: a negative request or size means nothing.
const pattern = /^([0-9]+([.][0-9]*)?|[.][0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,2})?$/
const HINT = 'such as 500m, 2, 4Gi'

/** A size such as `10Gi`; `name` is the field's name in the message. */
export function size(name: string, description: string) {
  return field(z.string().min(1).max(32), description, {
    rules: [
      {
        cel: `self.matches(${JSON.stringify(pattern.source)}) && self.matches("[1-9]")`,
        message: `${name} must be a Kubernetes quantity above zero, such as 500Mi or 10Gi`,
        holds: (text) => pattern.test(text) && /[1-9]/.test(text),
      },
    ],
  })
}

const amount = field(z.union([z.int().min(0), z.string().min(1).max(32)]), 'A Kubernetes quantity: 500m, 2, 4Gi.', {
  isIntOrString: true,
})

function amounts(name: string, description: string) {
  return field(z.record(z.string(), amount), description, {
    maxProperties: 16,
    rules: [
      {
        cel: `self.all(key, string(self[key]).matches(${JSON.stringify(pattern.source)}))`,
        message: `each of ${name} must be a Kubernetes quantity, ${HINT}`,
        holds: (values) => Object.values(values).every((value) => pattern.test(String(value))),
      },
    ],
  })
}

/** Requests and limits of a container; `name` is the field's path in the messages. */
export function resources(name: string, description: string) {
  return field(
    z.strictObject({
      requests: amounts(`${name}.requests`, 'What the scheduler sets aside, by resource name: cpu, memory.').optional(),
      limits: amounts(
        `${name}.limits`,
        'What the container may use at most, by resource name: cpu, memory.',
      ).optional(),
    }),
    description,
  )
}
export type Resources = z.infer<ReturnType<typeof resources>>
