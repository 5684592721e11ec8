import { z } from 'zod'
import { field } from '../field.ts'

const pattern = /^([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$/

interface Range {
  readonly above?: number
  readonly from?: number
  readonly to?: number
  readonly below?: number
}

/** As a CEL literal of type double. */
const literal = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : String(value))

/** A decimal number in a string, because a float does not survive every YAML tool: `"2e-5"`. */
export function decimal(name: string, description: string, { above, from, to, below }: Range) {
  const bounds = [
    ...(above === undefined
      ? []
      : [{ words: `above ${above}`, cel: `> ${literal(above)}`, holds: (n: number) => n > above }]),
    ...(from === undefined
      ? []
      : [{ words: `at least ${from}`, cel: `>= ${literal(from)}`, holds: (n: number) => n >= from }]),
    ...(to === undefined ? [] : [{ words: `at most ${to}`, cel: `<= ${literal(to)}`, holds: (n: number) => n <= to }]),
    ...(below === undefined
      ? []
      : [{ words: `below ${below}`, cel: `< ${literal(below)}`, holds: (n: number) => n < below }]),
  ]
  return field(z.string().min(1).max(20), description, {
    rules: [
      {
        cel: [
          `self.matches(${JSON.stringify(pattern.source)})`,
          ...bounds.map((bound) => `double(self) ${bound.cel}`),
        ].join(' && '),
        message: `${name} must be a decimal number in quotes, ${bounds.map((bound) => bound.words).join(' and ')}`,
        holds: (text) => pattern.test(text) && bounds.every((bound) => bound.holds(Number(text))),
      },
    ],
  })
}
