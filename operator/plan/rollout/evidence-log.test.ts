import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_WINDOWS } from '../../api/v1alpha1/rollout.ts'
import { ofStep, withFailures, withShadow, withWindow, type LoggedWindow } from './evidence-log.ts'
import type { EvidenceObserved } from './evidence.ts'
import { hardStop, judge, type Analysis } from './verdict.ts'
import { merge, type Arm } from './window.ts'

const ANALYSIS: Analysis = {
  minRequests: 500,
  maxFailureRatio: 2,
  tolerableFailureRate: 0.01,
  alphaHarm: 0.01,
  alphaOk: 0.05,
}

const arm = (requests: number, failures = 0): Arm => ({ requests, failures })
const window = (perMille: number, candidate: Arm, stable: Arm): LoggedWindow => ({ perMille, candidate, stable })

const observed = (arms: Record<string, Arm>): EvidenceObserved => ({
  pods: [],
  arms: Object.fromEntries(Object.entries(arms).map(([version, counts]) => [version, { ...counts, reasons: {} }])),
  shadow: {},
})

const log = (windows: readonly LoggedWindow[]): LoggedWindow[] =>
  windows.reduce<LoggedWindow[]>(
    (kept, { perMille, candidate, stable }) =>
      withWindow(kept, observed({ new: candidate, old: stable }), { candidate: 'new', stable: 'old', perMille }),
    [],
  )

describe('a window', () => {
  test('holds what both versions have counted at the weight in force', () => {
    const found = withWindow([], observed({ new: arm(5, 1), old: arm(95, 2), other: arm(7) }), {
      candidate: 'new',
      stable: 'old',
      perMille: 50,
    })
    expect(found).toEqual([window(50, arm(5, 1), arm(95, 2))])
  })

  test('without a request is none', () => {
    expect(log([window(50, arm(5), arm(95)), window(50, arm(0), arm(0))])).toHaveLength(1)
  })
})

test('the last eight stay apart, and older ones are added up by weight', () => {
  const kept = log([
    ...Array.from({ length: 5 }, () => window(50, arm(5, 1), arm(95))),
    ...Array.from({ length: 12 }, () => window(500, arm(50), arm(50, 2))),
  ])
  expect(kept).toHaveLength(10)
  expect(kept.slice(0, 2)).toEqual([window(50, arm(25, 5), arm(475)), window(500, arm(200), arm(200, 8))])
})

test('of the newest weight only those after the last other weight count', () => {
  const windows = [50, 500, 50, 50].map((perMille, index) => window(perMille, arm(index), arm(1)))
  expect(ofStep(windows, 50)).toEqual(windows.slice(2))
  expect(ofStep(windows, 500)).toEqual([])
  expect(ofStep(windows.slice(2), 50)).toEqual(windows.slice(2))
})

test('twenty newest requests of the candidate that all fail are seen, though a hundred good windows came before', () => {
  const good = Array.from({ length: 100 }, () => window(50, arm(5), arm(95)))
  const bad = Array.from({ length: 4 }, () => window(50, arm(5, 5), arm(95)))
  expect(hardStop(log([...good, ...bad]))).toBeDefined()
  expect(hardStop(log([...good, ...bad.slice(1)]))).toBeUndefined()
})

/** Windows of rising weights, each split exactly as its weight says: then it does not matter how they are cut. */
const exactly = fc
  .array(fc.record({ perMille: fc.constantFrom(50, 100, 500), hundreds: fc.integer({ min: 1, max: 30 }) }), {
    minLength: 1,
    maxLength: 60,
    size: 'max',
  })
  .chain((shapes) =>
    fc.tuple(
      ...shapes
        .toSorted((a, b) => a.perMille - b.perMille)
        .map(({ perMille, hundreds }) => {
          const candidate = (hundreds * perMille) / 10
          const stable = hundreds * 100 - candidate
          const failing = fc.constantFrom(0, 0, 0.01, 0.05)
          return fc
            .tuple(failing, failing)
            .map(([c, s]) =>
              window(perMille, arm(candidate, Math.round(candidate * c)), arm(stable, Math.round(stable * s))),
            )
        }),
    ),
  )

test('the verdict is the same on the log as on all windows, where requests were split as wanted', () => {
  fc.assert(
    fc.property(exactly, (windows) => {
      const [whole, kept] = [judge(windows, ANALYSIS), judge(log(windows), ANALYSIS)]
      expect([kept.verdict, kept.reason, kept.message]).toEqual([whole.verdict, whole.reason, whole.message])
      for (const name of ['harm', 'ratio', 'rate'] as const)
        expect(Math.log(kept.eValues[name])).toBeCloseTo(Math.log(whole.eValues[name]), 6)
    }),
    { numRuns: 200 },
  )
})

const anyWindow = fc
  .tuple(fc.constantFrom(10, 50, 500), fc.nat(100), fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([perMille, candidate, stable, failing]) =>
    window(perMille, arm(candidate, Math.floor(candidate * failing)), arm(stable, Math.floor(stable * failing))),
  )

test('whatever was counted, the log is bounded and loses no request while weights only rise', () => {
  fc.assert(
    fc.property(fc.array(anyWindow, { maxLength: 300, size: 'max' }), (windows) => {
      expect(log(windows).length).toBeLessThanOrEqual(MAX_WINDOWS)
      const rising = windows.toSorted((a, b) => a.perMille - b.perMille)
      const kept = log(rising)
      expect(merge(kept)).toEqual(merge(rising))
      expect(judge(kept, ANALYSIS).eValues.rate).toBeCloseTo(judge(rising, ANALYSIS).eValues.rate, 6)
    }),
    { numRuns: 100 },
  )
})

test('failures of the candidate are added up by kind, and those of others are not', () => {
  const evidence: EvidenceObserved = {
    pods: [],
    arms: {
      new: { requests: 5, failures: 3, reasons: { timeout: 2, slow: 1 } },
      old: { requests: 5, failures: 4, reasons: { error: 4 } },
    },
    shadow: {},
  }
  expect(withFailures({ timeout: 1, refused: 1 }, evidence, 'new')).toEqual({ timeout: 3, refused: 1, slow: 1 })
  expect(withFailures(undefined, evidence, 'newer')).toEqual({})
})

test('the counts of the shadow are added up for the candidate alone, and begin at zero', () => {
  const counted = { samples: 5, disagreements: 2, negToPos: 1, posToNeg: 1, distance: 0.5, failures: 3, dropped: 4 }
  const evidence = { pods: [], arms: {}, shadow: { new: counted, other: counted } }
  const once = withShadow(undefined, evidence, 'new')
  expect(once).toEqual(counted)
  expect(withShadow({ ...once, verdict: 'Hold' }, evidence, 'new')).toEqual({
    samples: 10,
    disagreements: 4,
    negToPos: 2,
    posToNeg: 2,
    distance: 1,
    failures: 6,
    dropped: 8,
  })
  expect(withShadow(undefined, evidence, 'newer')).toMatchObject({ samples: 0, failures: 0 })
})
