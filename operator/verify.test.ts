import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Decision } from '../contract/decision.ts'
import { decisionHash } from './plan/rollout/decision.ts'
import { Canary, NEW, OLD } from './plan/rollout/testing/canary.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valence-verify-'))
})
afterAll(() => rm(directory, { recursive: true }))

interface Ran {
  code: number
  out: string[]
  err: string
}

const verify = (...args: string[]) =>
  new Promise<Ran>((resolve) => {
    const script = join(import.meta.dirname, 'verify.ts')
    execFile(process.execPath, [script, ...args], { cwd: directory }, (error, out, err) => {
      const code = error ? Number(error.code) : 0
      resolve({ code, out: out.split('\n').filter((line) => line !== ''), err })
    })
  })

/** A rollback, and then a promotion of the same version by a retry. */
function history(): Decision[] {
  const canary = new Canary()
  canary.traffic.failing = { [NEW]: 0.2, [OLD]: 0.001 }
  canary.until('rolled back', () => canary.rollout?.withdrawnAt !== undefined)
  canary.traffic.failing = {}
  canary.annotate('retry', NEW)
  canary.until('promoted', () => canary.stable === NEW)
  return chained(canary.decisions.map((content, index) => ({ ...content, number: index + 1, operator: '1.0.0' })))
}

const textOf = (record: unknown) => `${JSON.stringify(record, null, 2)}\n`

function chained(records: Decision[]): Decision[] {
  return records.reduce<Decision[]>((done, { previous: _previous, ...record }) => {
    const last = done.at(-1)
    return [...done, { ...record, ...(last && { previous: decisionHash(textOf(last)) }) }]
  }, [])
}

/** The newest first: the order of the files says nothing. */
async function written(records: readonly unknown[]): Promise<string[]> {
  const names = records.map((_, index) => join(directory, `${index}.json`))
  await Promise.all(records.map((record, index) => writeFile(names[index] ?? '', textOf(record))))
  return names.reverse()
}

const verifyRecords = async (...records: unknown[]) => verify(...(await written(records)))

/** With other counts in its last window, and everything else as it was. */
function counting(record: Decision | undefined, failures: number): Decision {
  const { windows = [], ...rest } = structuredClone(record) ?? {}
  const last = windows.at(-1)
  if (!last) throw new Error('there are no counts')
  return {
    ...(rest as Decision),
    windows: [...windows.slice(0, -1), { ...last, candidate: { ...last.candidate, failures } }],
  }
}

describe('verify', () => {
  const [rollback, promotion] = history()

  test('says of honest records that they are the same', async () => {
    const { code, out, err } = await verifyRecords(rollback, promotion)
    expect([code, err]).toEqual([0, ''])
    expect(out).toEqual([
      expect.stringMatching(new RegExp(`^1 2030-\\S+ RollBack ${NEW} \\(CandidateWorse\\): same$`)) as string,
      expect.stringMatching(new RegExp(`^2 2030-\\S+ Promote ${NEW} \\(EvidencePassed\\): same$`)) as string,
    ])
  })

  test('takes the first record that is left as the beginning of the chain', async () => {
    expect(await verifyRecords(promotion)).toMatchObject({ code: 0 })
  })

  test('notices counts that do not lead to the verdict, and that the next record was written after others', async () => {
    const { code, out } = await verifyRecords(counting(rollback, 0), promotion)
    expect(code).toBe(1)
    expect(out[0]).toMatch(/different: verdict RollBack \(CandidateWorse\), recomputed .*rolled back on the evidence/)
    expect(out[1]).toMatch(/different: decision 1 is not the one that this one was written after$/)
  })

  test('notices a verdict that was changed together with its number', async () => {
    const tampered = structuredClone(promotion)
    if (tampered?.verdict) tampered.verdict.eValues.rate *= 2
    const { code, out } = await verifyRecords(tampered)
    expect([code, out[0]]).toEqual([1, expect.stringMatching(/different: rate \S+, recomputed \S+$/)])
  })

  test('notices a decision without its evidence', async () => {
    for (const record of [rollback, promotion]) {
      const { verdict: _verdict, ...bare } = { ...record, windows: [] }
      const { code, out } = await verifyRecords(bare)
      expect([code, out[0]]).toEqual([1, expect.stringMatching(/on the evidence, which says Hold$/)])
    }
  })

  test('says of counts that no one can have counted what is wrong with them, and goes on', async () => {
    const { code, out } = await verifyRecords(counting(rollback, 1e9), promotion)
    expect(code).toBe(1)
    expect(out[0]).toContain("different: the counts can't be judged: candidate: 1000000000 failures of")
    expect(out).toHaveLength(2)
  })

  test('names a record that is missing', async () => {
    const third = chained([rollback, promotion, { ...promotion, number: 3 }] as Decision[])[2]
    const { code, out } = await verifyRecords(rollback, third)
    expect([code, out[1]]).toEqual([1, expect.stringMatching(/decision 2 is missing$/)])
  })

  test('notices two records of the same number', async () => {
    expect(await verifyRecords(rollback, rollback)).toMatchObject({ code: 1 })
  })

  test('does not pass over what is no decision', async () => {
    const { code, out, err } = await verifyRecords(rollback, { ...promotion, windows: 'none' })
    expect([code, err]).toEqual([1, `${join(directory, '1.json')} is no decision\n`])
    expect(out[0]).toMatch(/: same$/)
  })

  test('says how it is called where it is called in another way', async () => {
    const calls = [[], ['--model', 'reviews', 'a.json'], ['--what']]
    for (const { code, err } of await Promise.all(calls.map((args) => verify(...args))))
      expect([code, err]).toEqual([
        2,
        expect.stringMatching(/^usage: verify --namespace <namespace> --model <model> \|/),
      ])
  })

  test('says of a file that is not there that it is not there', async () => {
    const { code, err } = await verify('nowhere.json')
    expect([code, err]).toEqual([1, "ENOENT: no such file or directory, open 'nowhere.json'\n"])
  })
})
