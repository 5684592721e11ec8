import { z } from 'zod'
import { field } from '../field.ts'

const pattern = /^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?([0-9]{1,7}ms)?$/

const UNITS_MS = [3_600_000, 60_000, 1000, 1]

/** Milliseconds of `250ms`, `90s`, `30m`, `6h` or `1h30m`; undefined where the text is no duration or is zero. */
export function durationMilliseconds(text: string): number | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const total = UNITS_MS.reduce((sum, unit, index) => sum + unit * Number.parseInt(match[index + 1] ?? '0', 10), 0)
  return total > 0 ? total : undefined
}

/** A duration such as `30m`; `name` is the field's name in the message. */
export function duration(name: string, description: string) {
  return field(z.string().max(20), description, {
    rules: [
      {
        cel: `self.matches(${JSON.stringify(pattern.source)}) && self.matches("[1-9]")`,
        message: `${name} must be a duration above zero, such as 250ms, 90s, 30m, 6h or 1h30m`,
        holds: (text) => durationMilliseconds(text) !== undefined,
      },
    ],
  })
}
