import type { z } from 'zod'

export interface FieldError {
  /** `spec.rollout.steps[1].weight` */
  readonly field: string
  readonly message: string
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errors: FieldError[] }

const pathOf = (path: readonly PropertyKey[]) =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')

/** The object with all defaults, or each field that is wrong. */
export function parse<T>(schema: z.ZodType<T>, raw: unknown): Parsed<T> {
  const result = schema.safeParse(raw)
  if (result.success) return { ok: true, value: result.data }
  const errors = result.error.issues.map((issue) => ({ field: pathOf(issue.path), message: issue.message }))
  return { ok: false, errors }
}
