import { expect, test } from 'vitest'
import type { Act, Point } from '../dev/demo/recording.ts'
import { drawRollout } from './plot-rollout.ts'

const point = (second: number, more: Partial<Point>): Point => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
  phase: 'Stepping',
  weight: 0,
  candidate: { requests: 0, failures: 0 },
  stable: { requests: 0, failures: 0 },
  ...more,
})
const act: Act = {
  name: 'rollback',
  from: 'reviews-1',
  candidate: 'reviews-<2>',
  points: [
    point(0, { phase: 'Shadowing' }),
    point(20, { step: 1, weight: 5 }),
    point(30, {
      step: 1,
      weight: 5,
      observed: { weight: 5.5, low: 2, high: 11, requests: 200 },
      eValues: { harm: 3, ratio: 1, rate: 2 },
    }),
    point(40, {
      phase: 'RolledBack',
      candidate: { requests: 20, failures: 9 },
      eValues: { harm: 1e300, ratio: 1e-300, rate: 0 },
    }),
  ],
  end: {
    at: '2026-01-01T00:00:38.000Z',
    outcome: 'RolledBack',
    reason: 'CandidateWorse',
    message: 'it fails more often',
  },
  needed: { harm: 100, pass: 40 },
  callers: { sent: 4000, failed: 0 },
}

/** Vertical places of a path, upwards from its lowest. */
const heights = (svg: string, style: string) => {
  const [, path = ''] = new RegExp(`<path class="${style}" d="([^"]+)"`).exec(svg) ?? []
  return [...path.matchAll(/[MV](?:[\d.]+ )?([\d.]+)/g)].map(([, y]) => Number(y))
}

test('the picture says which version, how it ended and what callers had, and is well-formed', () => {
  const svg = drawRollout(act)
  expect(svg).toContain('reviews-&lt;2&gt; is given up: RolledBack (CandidateWorse)')
  expect(svg).toContain('callers: 4000 requests, 0 failed')
  expect(svg).toContain('step 1: 5 %')
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  expect(svg.match(/<(path|rect|text|svg|style|title)\b/g)?.length).toBe(
    (svg.match(/\/>/g)?.length ?? 0) + (svg.match(/<\/\w+>/g)?.length ?? 0),
  )
})

test('the wanted weight rises and falls with what was recorded, and failures only rise', () => {
  const svg = drawRollout(act)
  const [zero = 0, five = 0, , back] = heights(svg, 'wanted')
  expect(five).toBeLessThan(zero)
  expect(back).toBe(zero)
  const failures = heights(svg, 'candidate')
  expect(failures).toEqual(failures.toSorted((a, b) => b - a))
})

test('evidence beyond the scale stays within the picture', () => {
  const ys = [...drawRollout(act).matchAll(/[ML][\d.]+ (-?[\d.]+)/g)].map(([, y]) => Number(y))
  expect(Math.min(...ys)).toBeGreaterThanOrEqual(0)
})

test('the same recording gives the same picture', () => {
  expect(drawRollout(act)).toBe(drawRollout(structuredClone(act)))
})
