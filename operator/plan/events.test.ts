import { describe, expect, test } from 'vitest'
import { modelEvents } from './events.ts'
import { Canary, NEW, OLD } from './rollout/testing/canary.ts'

/** The reasons of all events of a canary, in order. */
function told(canary: Canary, live: (canary: Canary) => void) {
  const events: ReturnType<typeof modelEvents> = []
  const look = canary.look.bind(canary)
  canary.look = (times?: number) => {
    for (let i = 0; i < (times ?? 1); i++) {
      const before = canary.status
      look()
      events.push(...modelEvents(before, canary.status))
    }
    return canary
  }
  live(canary)
  return events
}

const reasons = (events: ReturnType<typeof modelEvents>) => events.map(({ type, reason }) => `${type} ${reason}`)

describe('a rollout tells each of its transitions once', () => {
  test('where it ends with a promotion', () => {
    const events = told(new Canary({ rollout: { steps: [{ weight: 5 }, { weight: 50 }], shadow: {} } }), (canary) => {
      canary.until('promoted', () => canary.stable === NEW).look(20)
    })
    expect(reasons(events)).toEqual([
      'Normal RolloutStarted',
      'Normal CandidateReady',
      'Normal ShadowStarted',
      'Normal StepStarted',
      'Normal StepStarted',
      'Normal Promoted',
    ])
    expect(events.at(-1)?.note).toMatch(
      new RegExp(`^${NEW} \\(sha256:a+\\) answers instead of ${OLD}: EvidencePassed$`),
    )
  })

  test('where it ends with a rollback, which is a warning with the evidence', () => {
    const events = told(new Canary(), (canary) => {
      canary.traffic.failing = { [NEW]: 0.2 }
      canary.until('withdrawn', () => canary.rollout?.withdrawnAt !== undefined).look(20)
    })
    expect(reasons(events)).toEqual([
      'Normal RolloutStarted',
      'Normal CandidateReady',
      'Normal StepStarted',
      'Warning RolledBack',
      'Normal CandidateWithdrawn',
    ])
    expect(events[3]?.note).toMatch(new RegExp(`^${NEW}: CandidateWorse: the candidate fails more often`))
  })

  test('where it is aborted, and tried again', () => {
    const events = told(new Canary(), (canary) => {
      canary.until('stepping', () => canary.rollout?.phase === 'Stepping').annotate('abort', NEW)
      canary.look().until('withdrawn', () => canary.rollout?.withdrawnAt !== undefined)
      canary.annotate('retry', NEW)
      canary.look(2)
    })
    expect(reasons(events).slice(3)).toEqual([
      'Normal RolloutAborted',
      'Normal CandidateWithdrawn',
      'Normal RolloutStarted',
      'Normal CandidateReady',
    ])
  })

  test('where somebody has to decide: on an approval, and at the deadline', () => {
    const manual = { steps: [{ weight: 50 }], approval: 'Manual' }
    const asked = told(new Canary({ rollout: manual }), (canary) => {
      canary.until('asked', () => canary.rollout?.phase === 'AwaitingApproval').look(5)
    })
    expect(reasons(asked).at(-1)).toBe('Normal ApprovalWanted')
    const events = told(new Canary({ rollout: { steps: [{ weight: 50, hold: '1h' }], deadline: '10m' } }), (canary) => {
      canary.until('stepping', () => canary.rollout?.phase === 'Stepping').look(400)
    })
    expect(reasons(events).at(-1)).toBe('Warning DeadlineExceeded')
    expect(events.at(-1)?.note).toContain('not decided within rollout.deadline (10m)')
  })

  test('where a newer version takes its place', () => {
    const events = told(new Canary(), (canary) => {
      canary.until('stepping', () => canary.rollout?.phase === 'Stepping').source = 2
      canary.look(3)
    })
    expect(reasons(events).slice(3, 6)).toEqual([
      'Normal RolloutSuperseded',
      'Normal CandidateWithdrawn',
      'Normal RolloutStarted',
    ])
  })
})
