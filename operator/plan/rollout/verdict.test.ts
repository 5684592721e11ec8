import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyWindow, anyWindows, windowOf, windowsOfOneShare } from './testing/windows.ts'
import { hardStop, isStableBroken, judge, type Analysis } from './verdict.ts'
import { merge } from './window.ts'

const ANALYSIS: Analysis = {
  minRequests: 500,
  maxFailureRatio: 2,
  tolerableFailureRate: 0.01,
  alphaHarm: 0.01,
  alphaOk: 0.05,
}
const RANK = { RollBack: 0, Hold: 1, Pass: 2 }

describe('a candidate', () => {
  test('passes by its rate alone, with its numbers in the sentence', () => {
    expect(judge([windowOf([0, 600], [0, 59_400])], ANALYSIS)).toMatchObject({
      verdict: 'Pass',
      reason: 'FailureRateTolerable',
      message:
        "less than 1 % of the candidate's requests fail (evidence 114, 40 needed): candidate failed 0 of 600 requests (0 %), stable failed 0 of 59400 requests (0 %)",
    })
  })

  test('passes beside a stable version that fails as often, although neither rate is tolerable', () => {
    expect(judge([windowOf([60, 2000], [60, 2000])], ANALYSIS)).toMatchObject({
      verdict: 'Pass',
      reason: 'NotWorseThanStable',
    })
  })

  test('is rolled back when it fails four times as often', () => {
    expect(judge([windowOf([40, 2000], [10, 2000])], ANALYSIS)).toMatchObject({
      verdict: 'RollBack',
      reason: 'CandidateWorse',
      message: expect.stringMatching(
        /^the candidate fails more often than stable \(evidence .+, 100 needed\): candidate failed 40 of 2000 requests \(2 %\), stable failed 10 of 2000/,
      ),
    })
  })

  test('is held while nothing is decided', () => {
    expect(judge([windowOf([8, 800], [8, 800])], ANALYSIS)).toMatchObject({ verdict: 'Hold', reason: 'Undecided' })
  })

  test('with too few requests is held, however good they were', () => {
    expect(judge([windowOf([0, 499], [0, 499])], ANALYSIS)).toMatchObject({ verdict: 'Hold', reason: 'TooFewRequests' })
  })

  test('is rolled back on few requests when they speak clearly', () => {
    expect(judge([windowOf([12, 40], [2, 3960])], ANALYSIS).verdict).toBe('RollBack')
  })

  test('has to show within the newest step that it is good, not before it', () => {
    const before = windowOf([500, 100_000], [1500, 300_000], 250)
    expect(judge([before, windowOf([0, 0], [0, 0], 500)], ANALYSIS)).toMatchObject({
      verdict: 'Hold',
      reason: 'NoData',
    })
    expect(judge([before, windowOf([3, 300], [3, 300], 500)], ANALYSIS).reason).toBe('TooFewRequests')
    const bad = judge([before, windowOf([80, 4000], [20, 4000], 500)], ANALYSIS)
    expect(bad.verdict).toBe('RollBack')
    expect(bad.message).toMatch(/; since the last change of weight: candidate failed 80 of 4000 requests \(2 %\)/)
    expect(bad.counts.candidate).toEqual({ requests: 104_000, failures: 580 })
    expect(bad.stepCounts.candidate).toEqual({ requests: 4000, failures: 80 })
  })
})

describe('a verdict', () => {
  test('without data is never a pass', () => {
    const idle = fc.array(anyWindow.map((window) => ({ ...window, candidate: { requests: 0, failures: 0 } })))
    fc.assert(
      fc.property(idle, fc.nat(10), (windows, minRequests) => {
        expect(judge(windows, { ...ANALYSIS, minRequests })).toMatchObject({ verdict: 'Hold', reason: 'NoData' })
      }),
    )
  })

  test('is the same for the same counts, and survives JSON', () => {
    fc.assert(
      fc.property(anyWindows, (windows) => {
        const verdict = judge(windows, ANALYSIS)
        expect(judge(structuredClone(windows), ANALYSIS)).toEqual(verdict)
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict)
      }),
    )
  })

  test('does not change when windows of one share are merged', () => {
    fc.assert(
      fc.property(windowsOfOneShare, fc.nat(), (windows, at) => {
        const cut = at % windows.length
        const merged = [...windows.slice(0, cut), merge(windows.slice(cut))]
        const [a, b] = [judge(windows, ANALYSIS), judge(merged, ANALYSIS)]
        expect({ verdict: b.verdict, reason: b.reason, counts: b.counts }).toEqual({
          verdict: a.verdict,
          reason: a.reason,
          counts: a.counts,
        })
      }),
    )
  })

  test('never gets better when more of the requests of the candidate fail', () => {
    fc.assert(
      fc.property(anyWindows, anyWindow, fc.nat(), (before, window, more) => {
        const { requests, failures } = window.candidate
        const worse = { ...window, candidate: { requests, failures: failures + (more % (requests - failures + 1)) } }
        const [a, b] = [judge([...before, window], ANALYSIS), judge([...before, worse], ANALYSIS)]
        expect(RANK[b.verdict]).toBeLessThanOrEqual(RANK[a.verdict])
      }),
    )
  })
})

describe('the hard stop', () => {
  test('comes when the newest 20 requests of the candidate have all failed, over windows', () => {
    const windows = [
      windowOf([0, 100_000], [0, 9]),
      windowOf([9, 9], [1, 900]),
      windowOf([0, 0], [0, 0]),
      windowOf([14, 14], [2, 1100]),
    ]
    expect(hardStop(windows)).toEqual({
      verdict: 'RollBack',
      reason: 'CandidateFailsAlways',
      message:
        'the last 23 requests of the candidate have all failed: candidate failed 23 of 23 requests (100 %), stable failed 3 of 2000 requests (0.15 %)',
      counts: merge(windows.slice(1)),
    })
  })

  test.each([
    ['19 requests are too few', windowOf([19, 19], [0, 1000])],
    ['one of them was answered', windowOf([19, 20], [0, 1000])],
    ['stable fails as well', windowOf([20, 20], [600, 1000])],
    ['nothing has happened', windowOf([0, 0], [0, 0])],
  ])('does not come when %s', (_, window) => {
    expect(hardStop([window])).toBeUndefined()
  })

  test('comes although stable has no requests at all', () => {
    expect(hardStop([windowOf([20, 20], [0, 0])])?.verdict).toBe('RollBack')
  })

  test('does not come without windows', () => expect(hardStop([])).toBeUndefined())
})

describe('stable is', () => {
  test.each([
    ['broken when it fails nearly all and the candidate answers', true, [windowOf([0, 14], [60, 61])]],
    [
      'broken over several windows',
      true,
      [windowOf([0, 900], [3, 900]), windowOf([0, 6], [9, 9]), windowOf([0, 6], [0, 0]), windowOf([1, 6], [14, 14])],
    ],
    ['not broken when the candidate fails too', false, [windowOf([14, 14], [61, 61])]],
    ['not known to be broken when the candidate had too few requests', false, [windowOf([0, 3], [61, 61])]],
    ['not known to be broken after 19 requests', false, [windowOf([0, 14], [19, 19])]],
    ['not broken when it recovered', false, [windowOf([0, 14], [61, 61]), windowOf([0, 14], [0, 61])]],
    ['not broken when it fails half', false, [windowOf([0, 14], [30, 60])]],
    ['not broken without windows', false, []],
  ])('%s', (_, isBroken, windows) => {
    expect(isStableBroken(windows)).toBe(isBroken)
  })
})
