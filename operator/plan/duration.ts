import { durationMilliseconds } from '../api/v1alpha1/duration.ts'

/** Milliseconds of a duration in a spec, such as `90s` or `1h30m`. Throws where the spec was never validated. */
export function durationMs(text: string): number {
  const ms = durationMilliseconds(text)
  if (ms === undefined) throw new TypeError(`${JSON.stringify(text)} is no duration such as 90s or 1h30m`)
  return ms
}
