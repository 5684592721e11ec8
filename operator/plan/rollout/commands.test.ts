import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ObjectMeta } from '../../api/object-meta.ts'
import { command, MAX_COMMANDS, type Command } from '../../api/v1alpha1/rollout.ts'
import { askedBy, newCommand, readCommands, VERBS, withCommand, withOver, type Verb } from './commands.ts'

const AT = '2030-01-01T00:00:00Z'

const metadataOf = (
  annotations: Record<string, string>,
  managedFields: ObjectMeta['managedFields'] = [],
): ObjectMeta => ({
  name: 'reviews',
  namespace: 'shop',
  annotations: Object.fromEntries(Object.entries(annotations).map(([verb, name]) => [`valence.dev/${verb}`, name])),
  managedFields,
})

const wroteAnnotation = (manager: string, verb: string, time = AT) => ({
  manager,
  time,
  fieldsV1: { 'f:metadata': { 'f:annotations': { '.': {}, [`f:valence.dev/${verb}`]: {} } } },
})

describe('what annotations ask for', () => {
  test('is nothing where there are none, or where they name nothing', () => {
    expect(readCommands({ name: 'reviews', namespace: 'shop' })).toEqual({ asked: [], paused: undefined })
    expect(readCommands(metadataOf({ abort: '' })).asked).toEqual([])
  })

  test('is told with who wrote them, as the API server has it', () => {
    const { asked } = readCommands(
      metadataOf({ abort: 'new', approve: 'newer' }, [
        { manager: 'operator', fieldsV1: { 'f:status': {} } },
        wroteAnnotation('bob', 'approve'),
        wroteAnnotation('alice', 'abort', '2030-01-01T00:01:00Z'),
      ]),
    )
    expect(asked).toEqual([
      { verb: 'approve', version: 'newer', by: 'bob', at: AT },
      { verb: 'abort', version: 'new', by: 'alice', at: '2030-01-01T00:01:00Z' },
    ])
    expect(asked.map(askedBy)).toEqual([`bob at ${AT}`, 'alice at 2030-01-01T00:01:00Z'])
  })

  test('is by nobody known where nothing says who', () => {
    const [asked] = readCommands(metadataOf({ abort: 'new' }, [{ time: AT }])).asked
    expect(asked).toEqual({ verb: 'abort', version: 'new', by: 'unknown' })
    expect(asked && askedBy(asked)).toBe('unknown')
  })

  test('is a pause of the version that pause names, until resume names the same', () => {
    expect(readCommands(metadataOf({ pause: 'new' })).paused).toBe('new')
    expect(readCommands(metadataOf({ pause: 'new', resume: 'old' })).paused).toBe('new')
    expect(readCommands(metadataOf({ pause: 'new', resume: 'new' })).paused).toBeUndefined()
  })
})

const asking = (verb: Verb, version: string, at = AT) =>
  readCommands(metadataOf({ [verb]: version }, [wroteAnnotation('alice', verb, at)]))

describe('a command', () => {
  test('is for the version that it names, and for what it says', () => {
    const commands = asking('abort', 'new')
    expect(newCommand(commands, [], 'abort', 'new')).toMatchObject({ verb: 'abort', version: 'new', by: 'alice' })
    expect(newCommand(commands, [], 'abort', 'newer')).toBeUndefined()
    expect(newCommand(commands, [], 'retry', 'new')).toBeUndefined()
  })

  test('is carried out once, also where its manager has written something else since', () => {
    const done = withCommand([], asking('abort', 'new').asked[0] as Command)
    const later = asking('abort', 'new', '2031-01-01T00:00:00Z')
    expect(newCommand(later, withOver(done, later), 'abort', 'new')).toBeUndefined()
  })

  test('is carried out again where its annotation was away, or named another version, in between', () => {
    const again = asking('abort', 'new')
    for (const between of [readCommands(metadataOf({})), asking('abort', 'newer')]) {
      const done = withOver(withCommand([], again.asked[0] as Command), between)
      expect(done).toMatchObject([{ version: 'new', by: 'alice', isOver: true }])
      expect(newCommand(again, withOver(done, again), 'abort', 'new')).toBeDefined()
    }
  })
})

test('of the record the oldest goes whose annotation is gone, and never one that stands', () => {
  const of = (version: string, isOver: boolean): Command => ({
    verb: 'abort',
    version,
    by: 'alice',
    ...(isOver && { isOver }),
  })
  const standing = of('standing', false)
  const over = Array.from({ length: MAX_COMMANDS - 1 }, (_, index) => of(String(index), true))
  const after = withCommand([standing, ...over], of('newest', false))
  expect(after).toHaveLength(MAX_COMMANDS)
  expect(after.slice(0, 2).map(({ version }) => version)).toEqual(['standing', '1'])
  expect(after.at(-1)?.version).toBe('newest')
})

test('however annotations come and go, each is carried out once while it stands, and the record stays bounded', () => {
  type Step = { verb: Verb; version: string | undefined }
  const step: fc.Arbitrary<Step> = fc.record({
    verb: fc.constantFrom(...VERBS),
    version: fc.constantFrom('new', 'newer', undefined),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const standing = new Map<Verb, { version: string; times: number }>()
      let done: Command[] = []
      steps.forEach(({ verb, version }, index) => {
        const before = standing.get(verb)
        if (version === undefined) standing.delete(verb)
        else if (before?.version !== version) standing.set(verb, { version, times: 0 })
        const annotations = Object.fromEntries([...standing].map(([name, one]) => [name, one.version]))
        // One manager, whose time moves with every write.
        const time = new Date(Date.parse(AT) + index * 1000).toISOString()
        const managedFields = [...standing.keys()].map((name) => wroteAnnotation('kubectl-annotate', name, time))
        const commands = readCommands(metadataOf(annotations, managedFields))
        // Two looks: nothing has changed for the second.
        for (let look = 0; look < 2; look++) {
          done = withOver(done, commands)
          for (const [name, one] of standing) {
            const found = newCommand(commands, done, name, one.version)
            if (!found) continue
            one.times++
            done = withCommand(done, found)
          }
        }
        for (const one of standing.values()) expect(one.times).toBe(1)
        expect(done.length).toBeLessThanOrEqual(MAX_COMMANDS)
        for (const one of done) expect(command.safeParse(one).success).toBe(true)
      })
    }),
    { numRuns: 100 },
  )
})
