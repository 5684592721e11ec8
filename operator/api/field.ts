/**
 * What a custom resource's field is beyond its zod type: the description that `kubectl explain` prints, the CEL rules that
 * the API server enforces, and the Kubernetes extensions of its schema. Kept beside the field; `generate` writes the CRDs
 * from it.
 */
import { z } from 'zod'

/** A rule on one object, enforced at apply by the API server (`cel`) and by `parse` (`holds`): the two say the same. */
export interface Rule<T> {
  readonly cel: string
  readonly message: string
  readonly holds: (value: T) => boolean
  /** The field below this one that the message is about. */
  readonly at?: readonly string[]
}

/** A rule on a change (`self` and `oldSelf`): only the API server sees both. */
export interface Transition {
  readonly cel: string
  readonly message: string
}

interface FieldExtensions<T> {
  readonly rules?: readonly Rule<T>[]
  readonly transitions?: readonly Transition[]
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listMapKeys?: readonly string[]
  /** atomic: one owner for the whole object under server-side apply. */
  readonly mapType?: 'atomic' | 'granular'
  readonly format?: string
  readonly maxProperties?: number
  /** A quantity as Kubernetes accepts it: `2` as well as `"500m"`. */
  readonly isIntOrString?: boolean
}

export interface FieldFacts {
  readonly description: string
  readonly rules: readonly { readonly cel: string; readonly message: string; readonly at?: readonly string[] }[]
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listMapKeys?: readonly string[]
  readonly mapType?: 'atomic' | 'granular'
  readonly format?: string
  readonly maxProperties?: number
  readonly isIntOrString?: boolean
}

/** zod hands these facts to its JSON Schema conversion, which puts them into the schema node of the field. */
export const fields = z.registry<FieldFacts>()

/** Describes a field. Apply `.optional()`, `.default()` or `.prefault()` to what it returns. */
export function field<S extends z.ZodType>(
  schema: S,
  description: string,
  extensions: FieldExtensions<z.output<S>> = {},
): S {
  const { rules = [], transitions = [], ...rest } = extensions
  const { maxProperties } = rest
  const ruled = rules.reduce<S>(
    (result, rule) => result.refine((value) => rule.holds(value), { error: rule.message, path: [...(rule.at ?? [])] }),
    schema,
  )
  const checked =
    maxProperties === undefined
      ? ruled
      : ruled.refine((value) => Object.keys(value as object).length <= maxProperties, {
          error: `must have at most ${maxProperties} entries`,
        })
  fields.add(checked, {
    description,
    rules: [...rules, ...transitions],
    ...rest,
  })
  return checked
}

/** The rule that a string matches a regular expression, written in what JavaScript and RE2 have in common. */
export function matches(pattern: RegExp, message: string): Rule<string> {
  return {
    cel: `self.matches(${JSON.stringify(pattern.source)})`,
    message,
    holds: (value) => pattern.test(value),
  }
}
