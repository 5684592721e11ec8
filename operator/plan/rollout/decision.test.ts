import { describe, expect, test } from 'vitest'
import { decision, type Decision } from '../../../contract/decision.ts'
import { DIGEST } from '../testing/factories.ts'
import { decisionHash, isSameDecision, recompute, type DecisionContent } from './decision.ts'
import { Canary, NEW, NEWER, OLD } from './testing/canary.ts'

const until = (canary: Canary, phase: string) => canary.until(phase, () => canary.rollout?.phase === phase)
const recorded = (content: DecisionContent | undefined): Decision =>
  decision.parse({ ...content, number: 1, operator: '1.0.0' })

function promotion(): Decision {
  const canary = new Canary()
  canary.until('promoted', () => canary.stable === NEW)
  return recorded(canary.decisions.at(-1))
}

function rollback(failing = 0.2): Decision {
  const canary = new Canary()
  canary.traffic.failing = { [NEW]: failing, [OLD]: 0.001 }
  until(canary, 'RolledBack')
  return recorded(canary.decisions.at(-1))
}

describe('what is written down', () => {
  test('of a promotion are both versions with their digests, all counts, and the verdict that they lead to', () => {
    const record = promotion()
    expect(record).toMatchObject({
      kind: 'Promote',
      reason: 'EvidencePassed',
      model: 'reviews',
      namespace: 'shop',
      candidate: { version: NEW, digest: DIGEST },
      stable: { version: OLD, digest: DIGEST },
      step: 2,
      weight: { wanted: 50, observed: { weight: 50 } },
      verdict: { verdict: 'Pass' },
      thresholds: { minRequests: 500, alphaHarm: 0.01 },
    })
    expect(record.message).toContain(`${NEW} answers instead of ${OLD}: EvidencePassed: `)
    expect(record).not.toHaveProperty('by')
    expect(recompute(record)).toEqual([])
  })

  test('of a rollback is the weight that the version had, and why', () => {
    const record = rollback()
    expect(record).toMatchObject({ kind: 'RollBack', reason: 'CandidateWorse', weight: { wanted: 5 } })
    expect(record.failures).toEqual({ error: record.windows.reduce((sum, one) => sum + one.candidate.failures, 0) })
    expect(recompute(record)).toEqual([])
    expect(recompute(rollback(1))).toEqual([])
  })

  test('of an abort and of a promotion by hand is who asked for it, though the promotion takes more than a look', () => {
    const canary = new Canary({ serving: { replicas: 4 }, rollout: { steps: [{ weight: 5 }] } })
    until(canary, 'Stepping').annotate('abort', NEW)
    canary.until('withdrawn', () => canary.rollout?.withdrawnAt !== undefined)
    expect(canary.decisions).toMatchObject([{ kind: 'Abort', by: expect.stringMatching(/^kubectl-annotate at 2030/) }])
    canary.annotate('retry', NEW)
    until(canary, 'Stepping').annotate('promote', NEW)
    canary.look()
    expect(canary.decisions).toHaveLength(1)
    canary.until('promoted', () => canary.stable === NEW)
    expect(canary.decisions.at(-1)).toMatchObject({
      kind: 'Promote',
      reason: 'PromotedByHand',
      by: expect.stringMatching(/^kubectl-annotate at 2030/),
    })
  })

  test('of a version that takes the place of another is the one that was given up, before anything was counted too', () => {
    const canary = new Canary()
    until(canary, 'Rehearsing').source = 2
    canary.look()
    expect(canary.decisions).toMatchObject([
      { kind: 'Supersede', reason: 'NewerVersion', candidate: { version: NEW }, weight: { wanted: 0 }, windows: [] },
    ])
    expect(canary.decisions[0]?.message).toContain(NEWER)
  })

  test('of a deadline at which somebody has to decide is one record, however long nobody does', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5 }], deadline: '10m' } })
    canary.traffic.requests = 20
    until(canary, 'Stepping').look(400)
    expect(canary.decisions.map(({ kind, reason }) => [kind, reason])).toEqual([['Hold', 'DeadlineExceeded']])
    expect(recompute(recorded(canary.decisions[0]))).toEqual([])
  })

  test('is nothing while nothing is decided', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5 }] } })
    canary.traffic.requests = 10
    until(canary, 'Stepping').look(20)
    expect(canary.decisions).toEqual([])
  })
})

describe('a recomputation', () => {
  const { verdict, ...bare } = promotion()
  if (!verdict) throw new Error('there is no verdict')
  const honest: Decision = { ...bare, verdict }

  test('finds other counts, other thresholds and other numbers', () => {
    const [first, ...others] = honest.windows
    if (!first) throw new Error('there are no counts')
    const more = { ...first, candidate: { requests: first.candidate.requests, failures: 50 } }
    for (const tampered of [
      { ...honest, windows: [more, ...others] },
      { ...honest, windows: [...others, first] },
      { ...honest, thresholds: { ...honest.thresholds, minRequests: 1e6 } },
      { ...honest, verdict: { ...verdict, eValues: { ...verdict.eValues, harm: 0 } } },
      { ...honest, verdict: { ...verdict, reason: 'Undecided' } },
    ])
      expect(recompute(tampered)).not.toEqual([])
  })

  test('is not disturbed by the last digits, in which machines differ', () => {
    const { rate } = verdict.eValues
    const nearly = (factor: number) => ({
      ...honest,
      verdict: { ...verdict, eValues: { ...verdict.eValues, rate: rate * factor } },
    })
    expect(recompute(nearly(1 + 1e-12))).toEqual([])
    expect(recompute(nearly(1 + 1e-6))).toHaveLength(1)
  })

  test('finds counts without a verdict, and a verdict without counts', () => {
    expect(recompute(bare)).toEqual(['there are counts, but no verdict on them'])
    expect(recompute({ ...honest, windows: [] })).not.toEqual([])
  })

  test('finds a decision that its own verdict does not lead to', () => {
    expect(recompute({ ...honest, kind: 'RollBack', reason: 'CandidateWorse' })).toEqual([
      'rolled back on the evidence, which says Pass',
    ])
    expect(recompute({ ...honest, kind: 'RollBack', reason: 'CandidateFailsAlways' })).toEqual([
      'rolled back because every request failed, which the counts do not show',
    ])
    expect(recompute({ ...rollback(), kind: 'Promote', reason: 'EvidencePassed' })).toEqual([
      'promoted on the evidence, which says RollBack',
    ])
  })

  test('asks for no counts where there was no step', () => {
    const { step: _step, ...stepless } = { ...bare, windows: [] }
    expect(recompute(stepless)).toEqual([])
    expect(recompute({ ...stepless, step: 1 })).toEqual(['promoted on the evidence, which says Hold'])
  })

  test('finds thresholds under which nothing can be judged', () => {
    expect(recompute({ ...honest, thresholds: { ...honest.thresholds, maxFailureRatio: 0.5 } })).toEqual([
      expect.stringMatching(/^the counts can't be judged: maxFailureRatio is 0.5/),
    ])
  })
})

test('a decision is the same again by its rollout and its kind, whatever was counted since', () => {
  const one = promotion()
  expect(isSameDecision(one, { ...one, time: 'later', message: 'other', windows: [] })).toBe(true)
  expect(isSameDecision(one, { ...one, kind: 'Hold' })).toBe(false)
  expect(isSameDecision(one, { ...one, startedAt: 'later' })).toBe(false)
  expect(isSameDecision(one, { ...one, candidate: { ...one.candidate, version: OLD } })).toBe(false)
})

test('the hash of a decision is that of its very text', () => {
  expect(decisionHash('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(decisionHash('{}')).not.toBe(decisionHash('{ }'))
})
