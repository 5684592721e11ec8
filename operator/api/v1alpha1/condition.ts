import { z } from 'zod'
import { field } from '../field.ts'

export const time = (description: string) => field(z.string().max(40), description, { format: 'date-time' })

/** The generation of the spec that a statement is about. */
export const observedGeneration = field(z.int().min(0), 'The metadata.generation that this was computed for.', {
  format: 'int64',
})

/** A condition in the standard form of Kubernetes (metav1.Condition). */
export const condition = field(
  z.object({
    type: field(z.string().min(1).max(316), 'The type of the condition.'),
    status: field(z.enum(['True', 'False', 'Unknown']), 'Whether the condition holds.'),
    observedGeneration: observedGeneration.optional(),
    lastTransitionTime: time('When the status last changed.'),
    reason: field(z.string().min(1).max(1024), 'Why, as one word for programs.'),
    message: field(z.string().max(32_768), 'Why, as a sentence for people.'),
  }),
  'One observed fact about the object.',
)
export type Condition = z.infer<typeof condition>

/** The conditions of a resource; `types` are those that it has. */
export const conditions = (types: readonly string[]) =>
  field(z.array(condition).max(32), `What is observed, each for a generation of the spec: ${types.join(', ')}.`, {
    listType: 'map',
    listMapKeys: ['type'],
  })

/** The cause of a wait. */
export const blocked = field(
  z.object({
    reason: field(
      z.string().min(1).max(128),
      'Why, as one word for programs: Unschedulable, ImagePull, MissingSecret.',
    ),
    object: field(z.string().max(512), 'The object that is the cause, as <kind>/<name>.'),
    message: field(z.string().max(4096), 'What was observed, and what to do.'),
    since: time('When the wait began.'),
  }),
  'What progress waits for. Absent: nothing is in its way.',
)
export type Blocked = z.infer<typeof blocked>
