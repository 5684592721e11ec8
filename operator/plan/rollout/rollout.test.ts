import { describe, expect, test } from 'vitest'
import { recompute } from './decision.ts'
import { Canary, NEW, NEWER, OLD } from './testing/canary.ts'

/** What does not follow from the counts of the decisions. */
const sound = ({ decisions }: Canary) =>
  decisions.flatMap((one, index) => recompute({ ...one, number: index + 1, operator: '0' }))
const inPhase = (canary: Canary, phase: string) => canary.until(phase, () => canary.rollout?.phase === phase)
const promoted = (canary: Canary) => canary.until('promoted', () => canary.stable === NEW)
const withdrawn = (canary: Canary) => canary.until('withdrawn', () => canary.rollout?.withdrawnAt !== undefined)

describe('a good version', () => {
  test('goes through pods, rehearsal and steps to all of the traffic, and its tested pods stay', () => {
    const canary = new Canary()
    const seen = new Set<string>()
    canary.until('promoted', () => {
      if (canary.rollout) seen.add(`${canary.rollout.phase} ${canary.rollout.weight}`)
      return canary.stable === NEW
    })
    expect([...seen]).toEqual(['Starting 0', 'Rehearsing 0', 'Stepping 5', 'Stepping 50'])
    expect(canary.status.promotions?.at(-1)).toMatchObject({ version: NEW, from: OLD, reason: 'EvidencePassed' })
    expect(canary.status.rollout).toBeUndefined()
    expect(canary.decisions).toMatchObject([
      { kind: 'Promote', reason: 'EvidencePassed', verdict: { verdict: 'Pass' } },
    ])
    expect(sound(canary)).toEqual([])
    expect(canary.routing).toMatchObject({ stable: NEW, perMille: 0 })
    expect(canary.routing).not.toHaveProperty('candidate')
    expect(canary.serving.has(NEW)).toBe(true)
  })

  test('is judged on live texts first where the spec wants a shadow', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 10 }], shadow: { sample: 20, minRequests: 100 } } })
    inPhase(canary, 'Shadowing')
    expect(canary.routing).toMatchObject({ candidate: NEW, perMille: 0, shadowPerMille: 200 })
    promoted(canary)
  })

  test('that disagrees with stable far more than predicted gets no live request', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 10 }], shadow: { minRequests: 100 } } })
    canary.traffic.disagreeing = 0.5
    inPhase(canary, 'Shadowing').look(20)
    expect(canary.rollout).toMatchObject({ phase: 'Shadowing', weight: 0, shadow: { verdict: 'Hold' } })
    expect(canary.status.blocked).toMatchObject({ reason: 'ShadowDisagreement' })
  })

  test('has pods enough for the next weight before it gets it, and all of them before it becomes stable', () => {
    const canary = new Canary({ serving: { replicas: 10 }, rollout: { steps: [{ weight: 10 }, { weight: 60 }] } })
    canary.serving.set(OLD, { ...canary.serving.get(OLD), replicas: 10, readyReplicas: 10 } as never)
    const sizes: [number, number][] = []
    canary.until('promoted', () => {
      sizes.push([canary.rollout?.weight ?? 0, canary.serving.get(NEW)?.readyReplicas ?? 0])
      expect(canary.serving.get(OLD)?.readyReplicas).toBe(10)
      return canary.stable === NEW
    })
    for (const [weight, pods] of sizes) expect(pods * 100).toBeGreaterThanOrEqual(weight * 10)
    expect(canary.serving.get(NEW)?.readyReplicas).toBe(10)
  })

  test('stays in a step until it has had the requests of that step, however good they were', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 1, minRequests: 30 }, { weight: 50 }] } })
    canary.traffic.requests = 100
    inPhase(canary, 'Stepping')
    canary.look(30)
    expect(canary.rollout).toMatchObject({ step: 1, weight: 1 })
    canary.look(5)
    expect(canary.rollout).toMatchObject({ step: 2 })
  })

  test('is promoted only on a Pass: without requests enough in the last step there is none', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 50 }], analysis: { minRequests: 1_000_000 } } })
    inPhase(canary, 'Stepping').look(100)
    expect(canary.rollout).toMatchObject({ phase: 'Stepping', verdict: { verdict: 'Hold', reason: 'TooFewRequests' } })
    expect(canary.stable).toBe(OLD)
  })

  test('stays in a step as long as that is to hold', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5, hold: '1m' }, { weight: 50 }] } })
    inPhase(canary, 'Stepping').look(25)
    expect(canary.rollout).toMatchObject({ step: 1 })
    canary.look(10)
    expect(canary.rollout?.step).not.toBe(1)
  })

  test('that has too little traffic to be judged stays where it is, and at the deadline waits for somebody', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5 }], deadline: '10m' } })
    canary.traffic.requests = 0
    inPhase(canary, 'Stepping').look(400)
    expect(canary.rollout).toMatchObject({ phase: 'Stepping', weight: 5, reason: 'DeadlineExceeded' })
    expect(canary.stable).toBe(OLD)
  })

  test('is rolled back at the deadline where the spec says so', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5 }], deadline: '10m', onDeadline: 'RollBack' } })
    canary.traffic.requests = 0
    withdrawn(canary.look(10).until('ended', () => canary.rollout?.endedAt !== undefined, 400))
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'DeadlineExceeded' })
  })
})

describe('a bad version', () => {
  test('is rolled back on the evidence, and its pods go only when stable pods have confirmed it', () => {
    const canary = new Canary()
    canary.traffic.failing = { [NEW]: 0.2, [OLD]: 0.001 }
    inPhase(canary, 'Stepping')
    canary.until('rolled back', () => canary.rollout?.phase === 'RolledBack')
    expect(canary.rollout).toMatchObject({ reason: 'CandidateWorse', weight: 0 })
    expect(canary.decisions).toMatchObject([
      { kind: 'RollBack', weight: { wanted: 5 }, verdict: { verdict: 'RollBack' } },
    ])
    expect(sound(canary)).toEqual([])
    expect(canary.routing).toMatchObject({ stable: OLD, perMille: 0 })
    expect(canary.serving.has(NEW)).toBe(true)
    withdrawn(canary).look()
    expect(canary.serving.has(NEW)).toBe(false)
    expect(canary.status).toMatchObject({ phase: 'RolledBack', candidate: { version: NEW, phase: 'RolledBack' } })
    expect([canary.condition('Promoted'), canary.condition('Ready')]).toEqual(['False RolledBack', 'True Serving'])
  })

  test('stays rolled back where the operator died between the record of it and everything else', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.traffic.failing = { [NEW]: 0.3 }
    canary.diesOnDecision = true
    canary.until('decided', () => canary.decisions.length > 0)
    canary.diesOnDecision = false
    // What that process had counted is lost, and nothing fails any more.
    canary.traffic.failing = {}
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'CandidateWorse', weight: 0 })
    withdrawn(canary)
    expect(canary.stable).toBe(OLD)
  })

  test('never comes back by itself, but by the annotation that names it, once', () => {
    const canary = new Canary()
    canary.traffic.failing = { [NEW]: 1 }
    canary.until('rolled back', () => canary.rollout?.phase === 'RolledBack')
    expect(canary.rollout?.reason).toBe('CandidateFailsAlways')
    withdrawn(canary).look(50)
    expect([canary.stable, canary.serving.has(NEW)]).toEqual([OLD, false])
    canary.annotate('retry', NEWER)
    canary.look(5)
    expect(canary.serving.has(NEW)).toBe(false)

    canary.annotate('retry', NEW)
    inPhase(canary, 'Stepping')
    canary.until('rolled back again', () => canary.rollout?.phase === 'RolledBack')
    withdrawn(canary).look(50)
    expect(canary.serving.has(NEW)).toBe(false)
    expect(canary.status.rejected).toHaveLength(1)
  })

  test('whose pods never get ready is given up at its deadline without a live request', () => {
    const canary = new Canary()
    canary.unready.add(NEW)
    canary.until('given up', () => canary.rollout?.endedAt !== undefined, 400)
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'NotReady', weight: 0 })
    expect(canary.rollout?.message).toContain('0 of 1 pods are ready after rollout.readyDeadline (10m)')
  })

  test('is given up for pods that are not ready now, not for those that became ready while the operator was away', () => {
    const canary = new Canary()
    canary.look()
    expect(canary.rollout?.phase).toBe('Starting')
    canary.now += 3_600_000
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Rehearsing' })
  })

  test('that answers golden texts wrongly gets no live request', () => {
    const canary = new Canary()
    canary.isRehearsalPassed = false
    canary.until('given up', () => canary.rollout?.endedAt !== undefined)
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'RehearsalFailed' })
    expect(canary.rollout?.message).toContain('wanted positive, found negative')
    expect(canary.rollout?.windows).toBeUndefined()
  })

  test('whose pods end in the middle of a step gets nothing until they are back', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.unready.add(NEW)
    canary.look(2)
    expect(canary.routing).toMatchObject({ perMille: 0 })
    canary.unready.clear()
    promoted(canary)
  })

  test('whose pods come back is not charged with the requests of the time when it got none', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 50 }], analysis: { minRequests: 1_000_000 } } })
    canary.traffic.requests = 1000
    inPhase(canary, 'Stepping').look(3)
    canary.unready.add(NEW)
    canary.look(3)
    canary.unready.clear()
    canary.look(1)
    expect(canary.routing?.perMille).toBe(0)
    // Its pods are ready, and the file with the weight is written: the pods ran the other one for all of the time before.
    canary.look(1)
    expect(canary.routing?.perMille).toBe(500)
    const before = canary.rollout?.windows
    canary.countedAt(0).look(1)
    expect(canary.rollout?.windows).toEqual(before)
    canary.look(2)
    expect(canary.rollout?.observed).toMatchObject({ weight: 50, isVerified: true })
  })

  test('whose evidence fades while it waits for a person is not promoted before it is good again', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 50 }], approval: 'Manual' } })
    inPhase(canary, 'AwaitingApproval')
    canary.traffic.failing = { [NEW]: 0.012, [OLD]: 0.012 }
    canary.until('no pass any more', () => canary.rollout?.verdict?.verdict === 'Hold')
    canary.annotate('approve', NEW)
    canary.look()
    expect([canary.stable, canary.rollout?.phase]).toEqual([OLD, 'Promoting'])
    canary.traffic.failing = {}
    promoted(canary)
    expect(canary.decisions.at(-1)).toMatchObject({
      kind: 'Promote',
      by: expect.stringMatching(/^kubectl-annotate at 2030/),
    })
  })
})

describe('what must not be lost or taken for granted', () => {
  test('a verdict whose record is refused stays what it is, and the weight does not rise again', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.traffic.failing = { [NEW]: 0.3 }
    canary.areDecisionsRefused = true
    canary.until('weight 0', () => canary.routing?.perMille === 0)
    canary.traffic.failing = {}
    for (let i = 0; i < 20; i++) expect(canary.look().routing).toMatchObject({ perMille: 0 })
    canary.areDecisionsRefused = false
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'CandidateWorse' })
  })

  test('a version that was never rehearsed is no rescue for a stable one without pods, and one that is back needs none', () => {
    const canary = new Canary()
    canary.isRehearsalPassed = false
    canary.unready.add(NEW)
    canary.look(3).unready.add(OLD)
    canary.unready.delete(NEW)
    canary.look(40)
    expect(canary.stable).toBe(OLD)

    const back = new Canary({ serving: { replicas: 4 }, rollout: { steps: [{ weight: 5, hold: '24h' }] } })
    back.serving.set(OLD, { ...back.serving.get(OLD), replicas: 4, readyReplicas: 4 } as never)
    inPhase(back, 'Stepping')
    back.unready.add(OLD)
    inPhase(back, 'Promoting')
    back.unready.clear()
    back.serving.set(OLD, { ...back.serving.get(OLD), readyReplicas: 4, isFullyReady: true } as never)
    back.look(3)
    expect([back.stable, back.rollout?.phase]).toEqual([OLD, 'Stepping'])
  })

  test('a pin that is taken back before the traffic has moved promotes nothing', () => {
    const canary = new Canary({ serving: { replicas: 4 }, rollout: { steps: [{ weight: 5, hold: '24h' }] } })
    canary.serving.set(OLD, { ...canary.serving.get(OLD), replicas: 4, readyReplicas: 4 } as never)
    inPhase(canary, 'Stepping')
    const { spec } = canary
    canary.spec = { ...spec, serving: { replicas: 4, version: NEW } }
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Promoting', reason: 'Pinned' })
    canary.spec = spec
    canary.look(20)
    expect([canary.stable, canary.rollout?.phase]).toEqual([OLD, 'Stepping'])
  })

  test('a pin that can not be served stops the rollout and says so', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.spec = { ...canary.spec, serving: { version: 'reviews-0000000000' } }
    canary.look(100)
    expect(canary.rollout).toMatchObject({ phase: 'Stepping', weight: 5 })
    expect(canary.status.blocked).toMatchObject({ reason: 'PinnedVersionUnusable' })
  })

  test('a pin that can not be served stops a promotion under way too', () => {
    const canary = new Canary({ serving: { replicas: 4 }, rollout: { steps: [{ weight: 5, hold: '24h' }] } })
    canary.serving.set(OLD, { ...canary.serving.get(OLD), replicas: 4, readyReplicas: 4 } as never)
    inPhase(canary, 'Stepping')
    canary.annotate('promote', NEW)
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Promoting' })
    const { spec } = canary
    canary.spec = { ...spec, serving: { replicas: 4, version: 'reviews-0000000000' } }
    canary.look(20)
    expect(canary.stable).toBe(OLD)
    canary.spec = spec
    promoted(canary)
  })

  test('a model that is scaled to zero gives nothing up, and goes on when it has pods again', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    const { spec } = canary
    canary.spec = { ...spec, serving: { replicas: 0 } }
    canary.look(500)
    expect(canary.status.rejected).toBeUndefined()
    expect(canary.routing).toMatchObject({ perMille: 0 })
    canary.spec = spec
    promoted(canary)
  })

  test('a shadow in which it fails is no Pass, however well the rest agrees', () => {
    const canary = new Canary({ rollout: { shadow: { sample: 20, minRequests: 100 } } })
    canary.traffic.shadowFailing = 0.5
    canary.until('given up', () => canary.rollout?.endedAt !== undefined)
    expect(canary.rollout).toMatchObject({ phase: 'RolledBack', reason: 'ShadowFailed' })
    expect(canary.stable).toBe(OLD)
  })

  test('an approval may come after the deadline', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 50 }], approval: 'Manual', deadline: '10m' } })
    inPhase(canary, 'AwaitingApproval').look(400)
    canary.annotate('approve', NEW)
    promoted(canary)
    expect(canary.status.promotions?.at(-1)).toMatchObject({ reason: 'EvidencePassed' })
  })

  test('a command with another text behind the version is a new one', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.annotate('abort', NEW)
    withdrawn(canary.look())
    canary.annotate('retry', NEW)
    inPhase(canary, 'Stepping')
    canary.annotate('abort', `${NEW} again`)
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Aborted' })
  })
})

describe('pods that do not confirm', () => {
  test('hold every step, and are named', () => {
    const canary = new Canary()
    inPhase(canary, 'Rehearsing')
    canary.isLagging = true
    canary.look(10)
    expect(canary.rollout).toMatchObject({ weight: 5 })
    expect(canary.rollout?.windows).toBeUndefined()
    expect(canary.status.routing?.lagging).toEqual([
      { pod: 'pod', message: expect.stringContaining('wanted') as string },
    ])
    expect(canary.status.blocked).toMatchObject({ reason: 'RoutingUnconfirmed', object: 'Pod/pod' })
    expect(canary.plan?.stamps?.prodded.get('pod')).toMatch(/^\d+-\d+$/)
    canary.isLagging = false
    promoted(canary)
  })

  test('hold back the end of a candidate that was given up, but not for ever', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.isLagging = true
    canary.annotate('abort', NEW)
    canary.look(20)
    expect(canary.rollout).toMatchObject({ phase: 'Aborted', weight: 0 })
    expect(canary.serving.has(NEW)).toBe(true)
    withdrawn(canary).look()
    expect(canary.serving.has(NEW)).toBe(false)
  })
})

describe('people', () => {
  test('who try an aborted version again are not stopped by their old annotation, whatever else they annotate', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.annotate('abort', NEW)
    withdrawn(canary.look())
    canary.annotate('retry', NEW)
    inPhase(canary, 'Stepping')
    canary.annotate('approve', NEW)
    canary.look(2)
    expect(canary.rollout?.phase).toBe('Stepping')

    const { 'valence.dev/abort': _abort, ...others } = canary.annotations
    canary.annotations = others
    canary.look()
    canary.annotate('abort', NEW)
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Aborted', by: expect.stringMatching(/^kubectl-annotate at 2030/) })
  })

  test('approve the version that they name, and no other', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 50 }], approval: 'Manual' } })
    canary.annotate('approve', NEWER)
    inPhase(canary, 'AwaitingApproval').look(20)
    expect(canary.stable).toBe(OLD)
    canary.annotate('approve', NEW)
    promoted(canary)
  })

  test('approve once: a later rollout of the same version waits again', () => {
    const rollout = { steps: [{ weight: 50 }], approval: 'Manual' }
    const canary = new Canary({ rollout })
    inPhase(canary, 'AwaitingApproval')
    expect(canary.rollout?.message).toContain(
      `kubectl -n shop annotate --overwrite sentimentmodel reviews valence.dev/approve=${NEW}`,
    )
    canary.annotate('approve', NEW)
    promoted(canary)
    expect(canary.status.commands).toMatchObject([{ verb: 'approve', version: NEW }])
    canary.spec = { rollout, serving: { version: OLD } }
    canary.until('the pinned version answers', () => canary.stable === OLD)
    canary.spec = { rollout }
    inPhase(canary, 'AwaitingApproval').look(20)
    expect(canary.stable).toBe(OLD)
    canary.annotate('approve', `${NEW} again`)
    promoted(canary)
  })

  test('abort a rollout, and the version does not come back', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.annotate('abort', NEW)
    canary.look()
    expect(canary.rollout).toMatchObject({ phase: 'Aborted', reason: 'AbortedByHand' })
    withdrawn(canary).look(30)
    expect(canary.serving.has(NEW)).toBe(false)
    expect(canary.status).toMatchObject({ phase: 'Aborted', weight: 0, verdict: 'Abort' })
    canary.spec = { ...canary.spec, serving: { version: NEWER } }
    canary.look()
    expect([canary.status.weight, canary.status.verdict]).toEqual([undefined, undefined])
    expect(canary.status.rejected).toMatchObject([{ version: NEW, outcome: 'Aborted', by: 'kubectl-annotate' }])
  })

  test('promote at once', () => {
    const canary = new Canary()
    inPhase(canary, 'Rehearsing')
    canary.annotate('promote', NEW)
    promoted(canary)
    expect(canary.status.promotions?.at(-1)).toMatchObject({ reason: 'PromotedByHand' })
  })

  test('pause and resume', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.annotate('pause', NEW)
    canary.look(50)
    expect(canary.rollout).toMatchObject({
      phase: 'Stepping',
      weight: 5,
      isPaused: true,
      message: 'paused at 5 % by the annotation valence.dev/pause',
    })
    expect(canary.status.phase).toBe('Paused')
    canary.annotate('resume', NEW)
    canary.look()
    expect(canary.status.phase).toBe('Progressing')
    expect(canary.rollout?.message).not.toContain('paused at')
    promoted(canary)
  })

  test('are not waited for while a paused candidate does harm', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.annotate('pause', NEW)
    canary.traffic.failing = { [NEW]: 0.5 }
    canary.until('rolled back', () => canary.rollout?.phase === 'RolledBack')
  })

  test('pin a version, which ends the rollout under way', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.spec = { ...canary.spec, serving: { version: NEWER } }
    canary.until('pinned', () => canary.stable === NEWER)
    expect(canary.status.promotions?.at(-1)).toMatchObject({ version: NEWER, reason: 'Pinned' })
    expect(canary.status.rollout).toMatchObject({ version: NEW, phase: 'Superseded', reason: 'Pinned' })
  })
})

describe('a newer version in the middle of a rollout', () => {
  test('takes its place where the spec says Replace, from the beginning', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.source = 2
    canary.look()
    expect(canary.rollout).toMatchObject({ version: NEW, phase: 'Superseded', reason: 'NewerVersion' })
    canary.until('the newer is promoted', () => canary.stable === NEWER)
    expect(canary.status.promotions?.map((entry) => entry.version)).toEqual([OLD, NEWER])
  })

  test('waits for its end where the spec says Queue', () => {
    const canary = new Canary({ rollout: { steps: [{ weight: 5 }, { weight: 50 }], onSupersede: 'Queue' } })
    inPhase(canary, 'Stepping')
    canary.source = 2
    canary.until('the newer is promoted', () => canary.stable === NEWER)
    expect(canary.status.promotions?.map((entry) => entry.version)).toEqual([OLD, NEW, NEWER])
  })

  test('that is the stable one ends the rollout', () => {
    const canary = new Canary()
    inPhase(canary, 'Stepping')
    canary.source = 0
    withdrawn(canary.look()).look()
    expect(canary.rollout).toMatchObject({ phase: 'Superseded', reason: 'SpecReverted' })
    expect(canary.serving.has(NEW)).toBe(false)
    expect(canary.status.rejected).toBeUndefined()
  })
})

test('a stable version without a pod that answers for a minute is left for a candidate that has one', () => {
  const canary = new Canary({ rollout: { steps: [{ weight: 5, hold: '24h' }] } })
  inPhase(canary, 'Stepping')
  canary.unready.add(OLD)
  canary.look(20)
  expect(canary.stable).toBe(OLD)
  canary.unready.clear()
  canary.look(2)
  canary.unready.add(OLD)
  canary.look(25)
  expect(canary.stable).toBe(OLD)
  promoted(canary)
  expect(canary.status.promotions?.at(-1)).toMatchObject({ reason: 'StableBroken' })
})

test('replicas and resources are changed without a new count', () => {
  const canary = new Canary()
  inPhase(canary, 'Stepping').look(2)
  const { startedAt, windows = [] } = canary.rollout ?? {}
  canary.spec = { ...canary.spec, serving: { replicas: 2, resources: { limits: { memory: '3Gi' } } } }
  canary.look()
  expect(canary.rollout).toMatchObject({ startedAt, version: NEW })
  expect((canary.rollout?.windows ?? []).length).toBeGreaterThanOrEqual(windows.length)
})
