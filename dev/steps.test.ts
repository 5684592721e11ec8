import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { runSteps, type Step } from './steps.ts'

const logs = mkdtempSync(join(tmpdir(), 'steps-'))
afterAll(() => {
  rmSync(logs, { recursive: true })
})

const run = (steps: readonly Step[], failFast = false, signal = new AbortController().signal) => {
  const printed: string[] = []
  const results = runSteps(steps, { logs, signal, failFast, print: (line) => printed.push(line) })
  return results.then((all) => ({ outcomes: all.map((one) => one.outcome), all, printed: printed.join('\n') }))
}
const succeed: Step['run'] = () => Promise.resolve(undefined)
const fail: Step['run'] = ({ log }) => {
  appendFileSync(log, 'the disk is on fire\n')
  return Promise.reject(new Error('exit status 1'))
}

test('a step waits for what it needs', async () => {
  const order: string[] = []
  const step = (name: string, ms: number, needs: string[] = []): Step => ({
    name,
    needs,
    run: async () => {
      await setTimeout(ms)
      order.push(name)
      return undefined
    },
  })
  await run([step('slow', 30), step('quick', 1), step('last', 1, ['slow'])])
  expect(order).toEqual(['quick', 'slow', 'last'])
})

test('a step whose need failed is not run, and says which', async () => {
  const { outcomes, all } = await run([
    { name: 'a', run: fail },
    { name: 'b', needs: ['a'], run: succeed },
    { name: 'c', after: ['a'], run: succeed },
  ])
  expect(outcomes).toEqual(['failed', 'not run', 'done'])
  expect(all[1]?.remark).toBe('a: failed')
})

test('a failure shows its reason and the end of its log', async () => {
  const { printed } = await run([{ name: 'a', run: fail }])
  expect(printed).toContain('FAILED exit status 1')
  expect(printed).toContain('the disk is on fire')
})

test('the first failure ends the others where that is asked for', async () => {
  const { outcomes } = await run(
    [
      { name: 'a', run: fail },
      { name: 'b', run: ({ signal }) => setTimeout(10_000, undefined, { signal }) },
      { name: 'c', after: ['b'], run: succeed },
    ],
    true,
  )
  expect(outcomes).toEqual(['failed', 'failed', 'not run'])
})

test('steps of one lane never run at the same time', async () => {
  let running = 0
  let most = 0
  const step = (name: string): Step => ({
    name,
    lane: 'tests',
    run: async () => {
      most = Math.max(most, ++running)
      await setTimeout(5)
      running--
      return undefined
    },
  })
  await run([step('a'), step('b'), step('c')])
  expect(most).toBe(1)
})

test('a step that names one after it is refused', async () => {
  await expect(
    run([
      { name: 'a', needs: ['b'], run: succeed },
      { name: 'b', run: succeed },
    ]),
  ).rejects.toThrow("names 'b', which is not a step before it")
})
