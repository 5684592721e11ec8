import { expect, test } from 'vitest'
import { run } from './run-program.ts'

const forever = new AbortController().signal

test('what goes in and what comes out', async () => {
  expect(await run('cat', [], { signal: forever, input: 'some text' })).toBe('some text')
})

test('a program that fails says why', async () => {
  const failed = run('sh', ['-c', 'echo the reason >&2; exit 3'], { signal: forever })
  await expect(failed).rejects.toThrow(/ended with 3:\nthe reason/)
})

test('a program that is not there is an error', async () => {
  await expect(run('no-such-program', [], { signal: forever })).rejects.toThrow('ENOENT')
})

test('an interrupted program is gone with what it started before the interruption is told', async () => {
  const interruption = new AbortController()
  const program = run('sh', ['-c', 'trap "kill $!; exit" TERM; sleep 60 & wait'], { signal: interruption.signal })
  setTimeout(() => interruption.abort(new Error('ended by hand')), 100)
  await expect(program).rejects.toThrow('ended by hand')
})
