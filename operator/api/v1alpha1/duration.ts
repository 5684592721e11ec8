import { z } from 'zod'
import { field } from '../field.ts'

const pattern = /^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$/

/** Seconds of `90s`, `30m`, `6h` or `1h30m`; undefined where the text is no duration or is zero. */
export function durationSeconds(text: string): number | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = [match[1], match[2], match[3]].map((part) => Number.parseInt(part ?? '0', 10))
  const total = (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
  return total > 0 ? total : undefined
}

/** A duration such as `30m`; `name` is the field's name in the message. */
export function duration(name: string, description: string) {
  return field(z.string().max(20), description, {
    rules: [
      {
        cel: `self.matches(${JSON.stringify(pattern.source)}) && self.matches("[1-9]")`,
        message: `${name} must be a duration above zero, such as 90s, 30m, 6h or 1h30m`,
        holds: (text) => durationSeconds(text) !== undefined,
      },
    ],
  })
}
