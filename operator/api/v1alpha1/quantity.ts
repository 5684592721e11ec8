import { z } from 'zod'
import { field } from '../field.ts'

/** What the API server's own parser takes: a decimal number with an SI or binary suffix, or with an exponent. */
const pattern = /^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,3})?$/

/** -1, 0 or 1; undefined where the text is no quantity. */
function sign(text: string): number | undefined {
  return pattern.test(text) ? Math.sign(Number.parseFloat(text)) : undefined
}

/** A size such as `10Gi`; `name` is the field's name in the message. */
export function size(name: string, description: string) {
  return field(z.string().min(1).max(32), description, {
    rules: [
      {
        cel: 'isQuantity(self) && quantity(self).isGreaterThan(quantity("0"))',
        message: `${name} must be a Kubernetes quantity above zero, such as 500Mi or 10Gi`,
        holds: (text) => sign(text) === 1,
      },
    ],
  })
}

function amounts(name: string, description: string) {
  const amount = field(z.union([z.int(), z.string()]), 'A Kubernetes quantity: 500m, 2, 4Gi.', {
    isIntOrString: true,
    rules: [
      {
        cel: 'isQuantity(string(self)) && !quantity(string(self)).isLessThan(quantity("0"))',
        message: `each value of ${name} must be a Kubernetes quantity of zero or more, such as 500m, 2 or 4Gi`,
        holds: (value) => (sign(String(value)) ?? -1) >= 0,
      },
    ],
  })
  // Few entries, because the API server bounds the cost of the rule by the longest possible string in each.
  return field(z.record(z.string(), amount), description, { maxProperties: 6 })
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
