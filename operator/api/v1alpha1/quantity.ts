import { z } from 'zod'
import { field } from '../field.ts'

/**
 * What the API server's own parser takes, exponents and exa apart: a decimal number with an SI or binary suffix, and also no
 * digits at all, which it reads as zero.
 */
const pattern = /^(?=.)[+]?[0-9]*([.][0-9]*)?(Ki|Mi|Gi|Ti|Pi|n|u|m|k|M|G|T|P)?$/

/**
 * Signs and exponents are refused before the API server parses the text, because it works out all digits of 1e99999999: for
 * minutes. The expression is short, because the length of it counts towards the cost of the rule.
 */
const isPlainQuantity = (self: string) => `!${self}.matches("[eE-]") && isQuantity(${self})`

/** A size such as `10Gi`; `name` is the field's name in the message. */
export const size = (name: string, description: string) => above0(name, description, '500Mi or 10Gi')

/** Some quantity above zero, as text: its length bounds the cost of the rule. */
export function above0(name: string, description: string, examples: string) {
  return field(z.string().min(1).max(32), description, {
    rules: [
      {
        cel: `${isPlainQuantity('self')} && quantity(self).isGreaterThan(quantity("0"))`,
        message: `${name} must be a Kubernetes quantity above zero without an exponent, such as ${examples}`,
        holds: (text) => pattern.test(text) && /[1-9]/.test(text),
      },
    ],
  })
}

function amounts(name: string, description: string) {
  const amount = field(z.union([z.int(), z.string()]), 'A Kubernetes quantity: 500m, 2, 4Gi.', {
    isIntOrString: true,
    rules: [
      {
        cel: isPlainQuantity('string(self)'),
        message: `each value of ${name} must be a Kubernetes quantity of zero or more without an exponent, such as 500m, 2 or 4Gi`,
        holds: (value) => pattern.test(String(value)),
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
