/** What people ask for by annotations of the SentimentModel. Each names the version it is about, and acts on no other. */
import { API_GROUP } from '../../../contract/names.ts'
import type { ObjectMeta } from '../../api/object-meta.ts'
import { MAX_COMMANDS, type Command } from '../../api/v1alpha1/rollout.ts'

/**
 * Done once each time that they are set: `valence.dev/<verb>: <version>`. Any text may follow the version; with another one the command is
 * new, without the annotation having to be taken away first.
 */
export const VERBS = ['approve', 'promote', 'abort', 'retry'] as const
export type Verb = (typeof VERBS)[number]

const annotation = (verb: Verb | 'pause' | 'resume') => `${API_GROUP}/${verb}`

export interface Commands {
  asked: readonly Command[]
  /** The version whose rollout is to stand still: `pause` names it, and `resume` does not. */
  paused: string | undefined
}

export function readCommands(metadata: ObjectMeta): Commands {
  const { annotations = {} } = metadata
  const asked = VERBS.flatMap((verb): Command[] => {
    const text = annotations[annotation(verb)]?.trim() ?? ''
    const [version = ''] = text.split(/\s/)
    if (version === '') return []
    return [
      { verb, version, ...(text !== version && { text: text.slice(0, 253) }), ...whoSet(metadata, annotation(verb)) },
    ]
  })
  const paused = annotations[annotation('pause')]
  return { asked, paused: paused === annotations[annotation('resume')] ? undefined : paused }
}

/** Who set an annotation, as the API server has recorded it. */
function whoSet({ managedFields = [] }: ObjectMeta, name: string): { by: string; at?: string } {
  const owns = (fields: unknown): boolean => {
    const path = ['f:metadata', 'f:annotations', `f:${name}`]
    return (
      path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], fields) !== undefined
    )
  }
  const entry = managedFields.find(({ fieldsV1 }) => owns(fieldsV1))
  return { by: entry?.manager ?? 'unknown', ...(entry?.time !== undefined && { at: entry.time }) }
}

/**
 * The command, unless it has been carried out before. An annotation stays where it is, so what was done is kept on record: an
 * old `abort` must not end the rollout that a later `retry` has begun. The time of managedFields can't tell them apart: it is that of
 * the manager's latest write, so `kubectl annotate` of one annotation gives all of those before it a new time.
 */
export function newCommand(
  { asked }: Commands,
  done: readonly Command[],
  verb: Verb,
  version: string,
): Command | undefined {
  const command = asked.find((one) => one.verb === verb && one.version === version)
  return command && !done.some((other) => isSame(other, command) && other.isOver !== true) ? command : undefined
}

type Identity = Pick<Command, 'verb' | 'version' | 'text'>
const isSame = (a: Identity, b: Identity) => a.verb === b.verb && a.version === b.version && a.text === b.text

/** What was done, and of it what is not asked for any more: set again, it is done again. */
export const withOver = (done: readonly Command[], { asked }: Commands): Command[] =>
  done.map((command) => (asked.some((other) => isSame(other, command)) ? command : { ...command, isOver: true }))

/** Beyond the limit the oldest goes whose annotation is gone: one that still stands would be carried out once more. */
export function withCommand(done: readonly Command[], command: Command): Command[] {
  const all = [...done, command]
  if (all.length <= MAX_COMMANDS) return all
  const oldest = all.findIndex((other) => other.isOver === true)
  return all.toSpliced(Math.max(0, oldest), 1)
}

/** Who, as a record of it says. */
export const askedBy = ({ by, at }: Command) => (at === undefined ? by : `${by} at ${at}`)
