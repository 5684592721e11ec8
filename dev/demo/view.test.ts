import { expect, test } from 'vitest'
import type { SentimentModelStatus } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { pointOf, withPoint } from './recording.ts'
import { createScreen } from './screen.ts'
import { frame } from './view.ts'

const rollout: NonNullable<SentimentModelStatus['rollout']> = {
  version: 'reviews-2',
  from: 'reviews-1',
  phase: 'Stepping',
  reason: 'StepStarted',
  message: 'step 2 of 3: 25 % of the requests',
  startedAt: '2026-01-01T00:00:00Z',
  step: 2,
  steps: 3,
  weight: 25,
  windows: [
    { perMille: 50, candidate: { requests: 60, failures: 0 }, stable: { requests: 1100, failures: 1 } },
    { perMille: 250, candidate: { requests: 100, failures: 2 }, stable: { requests: 300, failures: 0 } },
  ],
  observed: { weight: 25, low: 18.1, high: 32.9, requests: 400, isVerified: true },
  verdict: {
    verdict: 'Hold',
    reason: 'TooFewRequests',
    message: '100 of at least 300 requests have reached the candidate',
    eValues: { harm: 3.21, ratio: 1.5, rate: 0.00012 },
  },
}
const traffic = {
  sent: 1600,
  answered: 1600,
  failed: 0,
  left: 0,
  failures: [],
  versions: { 'reviews-1': 1440, 'reviews-2': 160 },
  fallbacks: { error: 2 },
  latencyMs: { median: 8, p99: 40 },
}
const needed = { harm: 100, pass: 40 }

test('a rollout is shown with its weight, verdict and evidence, and with what callers got', () => {
  const { lines, news } = frame({ status: { rollout }, traffic, needed })
  expect(news).toBe('reviews-2: Stepping 2 of 3, 25 %')
  expect(lines).toEqual([
    '  model     reviews-2: Stepping 2 of 3, 25 %',
    '  weight    wanted 25 %, observed 25.0 % (99.9 %: 18.1 to 32.9) of 400 requests',
    '  verdict   Hold (TooFewRequests): 100 of at least 300 requests have reached the candidate',
    '  evidence  harm 3.21 of 100, ratio 1.5 and rate 1.2e-4 of 40',
    '  callers   1600 requests, 0 failed',
    '  answers   reviews-1 1440, reviews-2 160',
    '            error 2: stable answered in the place of the new version',
  ])
})

test('a rollout that has ended is not shown as one', () => {
  const ended = { ...rollout, phase: 'RolledBack' as const, weight: 0, endedAt: '2026-01-01T00:01:00Z' }
  const { lines } = frame({ status: { phase: 'RolledBack', rollout: ended }, traffic: undefined, needed })
  expect(lines).toEqual(['  model     rolledback'])
})

test('a terminal is drawn anew in its place, with lines that fit', () => {
  const written: string[] = []
  const screen = createScreen({ isTTY: true, columns: 40, write: (text) => written.push(text) })
  screen.show({ lines: ['  verdict   Hold (TooFewRequests): 100 of at least 300'], news: '' })
  screen.show({ lines: ['  model     ready'], news: '' })
  screen.say('done')
  screen.show({ lines: ['  model     ready'], news: '' })
  expect(written).toEqual([
    '  verdict   Hold (TooFewRequests): 100\n            of at least 300\n',
    '\u001b[2A\u001b[J  model     ready\n',
    'done\n',
    '  model     ready\n',
  ])
})

test('a file gets what is new, and a sign of life in between', () => {
  const written: string[] = []
  let now = 0
  const screen = createScreen({ write: (text) => written.push(text) }, () => now)
  for (const [at, news] of [
    [0, 'training'],
    [1_000, 'training'],
    [16_000, 'training'],
    [17_000, 'evaluating'],
  ] as const) {
    now = at
    screen.show({ lines: [`  model     ${news}`], news })
  }
  expect(written).toEqual(['  ... training\n', '  model     training\n', '  ... evaluating\n'])
})

test('a recording has what was counted at each look, and looks that show nothing new as one', () => {
  const point = pointOf(rollout, '2026-01-01T00:00:01.000Z')
  expect(point).toMatchObject({
    phase: 'Stepping',
    weight: 25,
    candidate: { requests: 160, failures: 2 },
    stable: { requests: 1400, failures: 1 },
    eValues: { harm: 3.21 },
  })
  const points = ['01', '02', '03', '04'].reduce<(typeof point)[]>(
    (all, second) => withPoint(all, { ...point, at: `2026-01-01T00:00:${second}.000Z` }),
    [],
  )
  expect(points.map(({ at }) => at)).toEqual(['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:04.000Z'])
})
