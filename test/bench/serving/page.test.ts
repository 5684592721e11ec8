import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FIGURES } from './figures.ts'
import { PAGE_FILE, pageWith, picturesOf } from './page.ts'
import { ratiosOf } from './ratios.ts'
import { readResults, type Results, type Run } from './results.ts'

const page = readFileSync(PAGE_FILE, 'utf8')
const run = (more: Partial<Run>): Run => ({
  part: 'closed',
  server: 'valence',
  precision: 'int8',
  workload: 'short',
  load: 'closed 8',
  rps: 300,
  p50Ms: 10,
  p99Ms: 20,
  requests: 100,
  failures: 0,
  cpuMsPer1000Tokens: 200,
  rssMiB: 250,
  labelAgreement: 0.99,
  maxScoreDifference: 0.03,
  lagP99Ms: 1,
  generatorCpuShare: 0.05,
  othersCpuShare: 0.2,
  rpsOfRounds: [300],
  p99MsOfRounds: [20],
  ...more,
})
const runs = [
  run({ server: 'bare', load: 'threads 2', rps: 400 }),
  run({}),
  run({ part: 'open', load: 'open 100', offeredRps: 100, rps: 100, p99Ms: 40 }),
  run({ part: 'open', load: 'open 200', offeredRps: 200, rps: 200, p99Ms: 160 }),
]
const MEASURED: Results = {
  machine: { cpus: 2, model: 'AMD EPYC', memoryGiB: 24, system: 'Debian 12', node: '24.1.0', instructions: ['avx2'] },
  model: {
    version: 'bench-1',
    digest: 'sha256:0',
    source: 'base/model, fine-tuned on 6920 rows of sst2/train.tsv',
    maxLength: 512,
    torch: '2',
    transformers: '5',
  },
  runs,
  ratios: ratiosOf(runs),
  overload: [
    {
      workload: 'short',
      capacityRps: 300,
      offeredRps: 600,
      deadlineMs: 500,
      requests: 3000,
      statuses: { '200': 1500, '429': 1500 },
      pastDeadline: 0,
      mostPastDeadlineMs: 0,
      serverErrors: 0,
      acceptedP99Ms: 480,
      recoverySeconds: null,
    },
  ],
  measured: { closed: { date: '2026-11-25', seconds: 1800, command: 'npm run bench -- --only closed' } },
}

test('the page has the figures of serving.json', async () => {
  expect(await pageWith(readResults(), page)).toBe(page)
})

test('what is written once is written the same again', async () => {
  const once = await pageWith(MEASURED, page)
  expect(await pageWith(MEASURED, once)).toBe(once)
})

test('a promise that is not kept is shown as such', async () => {
  const written = await pageWith(MEASURED, page)
  expect(written).toMatch(
    /\| int8 of the bare run, at saturation, short texts +\| at least 0.85 +\| 0.75 +\| \*\*no\*\* +\|/,
  )
  expect(written).toMatch(/\| overload, seconds to recover, short texts +\| at most 2 +\| never +\| \*\*no\*\* +\|/)
})

test('steps that something else has disturbed are told', async () => {
  expect(await pageWith(MEASURED, page)).toContain('**In 4 of 4 steps something else on the machine')
})

test('rates within a latency are between the steps', async () => {
  expect(await pageWith(MEASURED, page)).toMatch(/\| valence, int8 +\| 116 +\| 166 +\| 200 +\|/)
})

test('pictures are of what was measured, and only of that', () => {
  expect(Object.keys(picturesOf(MEASURED))).toEqual(['serving-saturation', 'serving-latency'])
  expect(picturesOf({})).toEqual({})
})

test.each(Object.keys(FIGURES))('a page without the place for %s is refused', async (name) => {
  await expect(pageWith(MEASURED, page.replace(`<!-- figures: ${name} -->`, ''))).rejects.toThrow(`figures: ${name}`)
})
