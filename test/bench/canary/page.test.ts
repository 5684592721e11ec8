import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FIGURES } from './figures.ts'
import { PAGE_FILE, pageWith } from './page.ts'
import { readResults, type Results } from './results.ts'

const page = readFileSync(PAGE_FILE, 'utf8')

const MEASURED: Results = {
  machine: { cpus: 2, model: 'AMD EPYC', memoryGiB: 24, system: 'Debian 12', node: '24.1.0', kubernetes: 'v1.35.4' },
  requests: 100_000,
  failedBeyondStable: 0,
  disruptions: [
    {
      what: 'a stable pod is killed',
      seconds: 31.2,
      requests: 3000,
      failures: 2,
      lost: 2,
      failedWithStable: 2,
      fallbacks: 0,
    },
  ],
  shares: [
    {
      wanted: 0.1,
      observed: 0.11,
      low: 0.035,
      high: 0.185,
      requests: 20_000,
      sent: 20_000,
      isWithin: true,
      addsUp: true,
      stablePods: 1,
      counted: 22,
      answered: 22,
      fallbacks: 0,
    },
  ],
  brokenCandidates: [
    {
      kind: 'answers garbage',
      promoted: false,
      condition: 'Promoted=False RolledBack: found <html> | nothing',
      isAsExpected: true,
      seconds: 60,
      requests: 4000,
      failures: 0,
      left: 3,
    },
  ],
  forwardingMedianMs: 0.7,
  forwardingMedianOf: { callers: 1, pauseMs: 0 },
  forwarding: [{ callers: 1, pauseMs: 0, addedMedianMs: 0.7, p10: 0.6, p90: 0.8 }],
  weightZeroSeconds: 0.3,
  propagationSeconds: {
    weightZero: { median: 0.3, max: 0.5, trials: [0.2, 0.3, 0.5] },
    weightZeroFromFile: { median: 0.2, max: 0.4, trials: [0.1, 0.2, 0.4] },
    weightRaisedFromFile: { median: 0.3, max: 0.5, trials: [0.2, 0.3, 0.5] },
  },
  simulation: [{ case: 'identical: 0 % and 0 %', falseRollback: 0, falsePromotion: null, medianRequests: 16_000 }],
  runs: { shares: { date: '2026-11-25', seconds: 900, command: 'npm run bench:canary -- --only shares' } },
}

test('the page has the figures of canary.json', async () => {
  expect(await pageWith(readResults(), page)).toBe(page)
})

test('what is written once is written the same again', async () => {
  const once = await pageWith(MEASURED, page)
  expect(await pageWith(MEASURED, once)).toBe(once)
  expect(once).toContain('**100,000 requests, 0 failed that stable alone would not have failed**; 2 failed as')
  expect(once).not.toContain('Not measured yet')
})

test('text between the marks goes, and text around them stays', async () => {
  const written = await pageWith({}, await pageWith(MEASURED, `${page}\nSome words.\n`))
  expect(written).toBe(`${await pageWith({}, page)}\nSome words.\n`)
})

test('a message with a bar or a tag stays one cell', async () => {
  expect(await pageWith(MEASURED, page)).toContain('found &lt;html> \\| nothing')
})

test.each(Object.keys(FIGURES))('a page without the place for %s is refused', async (name) => {
  await expect(pageWith(MEASURED, page.replace(`<!-- figures: ${name} -->`, ''))).rejects.toThrow(`figures: ${name}`)
})
