/** The rollout in any order of events: what holds whatever traffic, pods, people and clocks do. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_COMMANDS, MAX_REJECTED, rolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { replicasFor } from './capacity.ts'
import { recompute } from './decision.ts'
import { Canary, NEW, NEWER, OLD } from './testing/canary.ts'

const STEPS = [{ weight: 1 }, { weight: 10 }, { weight: 50 }]
const WEIGHTS = [0, 10, 100, 500]
const FULL = 4

type Event =
  | { do: 'look'; times: number }
  | { do: 'fail'; version: string; share: number }
  | { do: 'requests'; count: number }
  | { do: 'disagree'; share: number }
  | { do: 'shadow fails'; share: number }
  | { do: 'refuse decisions'; areRefused: boolean }
  | { do: 'unready' | 'ready'; version: string }
  | { do: 'lag'; isLagging: boolean }
  | { do: 'rehearsal'; isPassed: boolean }
  | { do: 'source'; source: number }
  | { do: 'pin'; version: string | undefined }
  | { do: 'annotate'; verb: 'approve' | 'promote' | 'abort' | 'retry' | 'pause' | 'resume'; version: string }
  | { do: 'pass'; ms: number }

const version = fc.constantFrom(OLD, NEW, NEWER)
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 8 }).map((times): Event => ({ do: 'look', times })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(version, fc.constantFrom(0, 0.001, 0.05, 1))
      .map(([name, share]): Event => ({ do: 'fail', version: name, share })),
  },
  { weight: 1, arbitrary: fc.constantFrom(0, 20, 3000).map((count): Event => ({ do: 'requests', count })) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0.5).map((share): Event => ({ do: 'disagree', share })) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0.5).map((share): Event => ({ do: 'shadow fails', share })) },
  { weight: 1, arbitrary: fc.boolean().map((areRefused): Event => ({ do: 'refuse decisions', areRefused })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom<'unready' | 'ready'>('unready', 'ready'), version)
      .map(([what, name]): Event => ({ do: what, version: name })),
  },
  { weight: 1, arbitrary: fc.boolean().map((isLagging): Event => ({ do: 'lag', isLagging })) },
  { weight: 1, arbitrary: fc.boolean().map((isPassed): Event => ({ do: 'rehearsal', isPassed })) },
  { weight: 1, arbitrary: fc.nat(2).map((source): Event => ({ do: 'source', source })) },
  {
    weight: 1,
    arbitrary: fc.option(version, { nil: undefined, freq: 1 }).map((name): Event => ({ do: 'pin', version: name })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom<'approve' | 'promote' | 'abort' | 'retry' | 'pause' | 'resume'>(
          'approve',
          'promote',
          'abort',
          'retry',
          'pause',
          'resume',
        ),
        version,
      )
      .map(([verb, name]): Event => ({ do: 'annotate', verb, version: name })),
  },
  { weight: 1, arbitrary: fc.constantFrom(60_000, 700_000).map((ms): Event => ({ do: 'pass', ms })) },
)

const settings = fc.record({
  shadow: fc.option(fc.constant({ sample: 20, minRequests: 50 }), { nil: undefined }),
  approval: fc.constantFrom('Auto', 'Manual'),
  onSupersede: fc.constantFrom('Replace', 'Queue'),
  onDeadline: fc.constantFrom('Hold', 'RollBack'),
})

class Watch {
  readonly canary: Canary
  /** Rollouts that were given up, by version and start. */
  readonly ended = new Set<string>()
  #before = 0
  #key: string | undefined
  #highest = 0
  /** Versions that were rolled back or aborted, and not asked for again since. */
  readonly givenUp = new Set<string>()

  constructor(rollout: object) {
    this.canary = new Canary({ serving: { replicas: FULL }, rollout: { steps: STEPS, ...rollout } })
    const full = { replicas: FULL, readyReplicas: FULL }
    this.canary.serving.set(OLD, { ...this.canary.serving.get(OLD), ...full } as never)
  }

  look() {
    const { canary } = this
    const stableBefore = canary.stable
    const readyBefore = new Map([...canary.serving].map(([name, serving]) => [name, serving.readyReplicas]))
    canary.look()
    const { plan, routing, rollout, stable } = canary
    if (!plan || !routing) throw new Error('there is no plan')
    const { perMille, candidate } = routing

    expect(WEIGHTS, 'I1: a weight of the spec').toContain(perMille)
    if (perMille > 0) expect(readyBefore.get(candidate ?? '') ?? 0, 'I1: to ready pods only').toBeGreaterThan(0)
    if (perMille > this.#before && this.#before > 0)
      expect(readyBefore.get(candidate ?? '') ?? 0, 'more only with pods enough').toBeGreaterThanOrEqual(
        replicasFor(perMille / 10, FULL),
      )
    const key = rollout && `${rollout.version} ${rollout.startedAt}`
    const highest = key === this.#key ? this.#highest : 0
    if (perMille > highest)
      expect(WEIGHTS.indexOf(perMille), 'I3: one step at a time').toBe(WEIGHTS.indexOf(highest) + 1)
    this.#key = key
    this.#highest = Math.max(highest, perMille)
    this.#before = perMille

    const live = plan.deploy.find((one) => one.version === plan.stable)
    expect(live?.replicas, 'I5: stable keeps all its pods').toBe(FULL)
    expect(plan.retire, 'what answers, and what just did').not.toContain(stableBefore)
    expect(plan.retire).not.toContain(stable)
    if (stable !== stableBefore)
      expect(readyBefore.get(stable ?? ''), 'what becomes stable has all its pods').toBeGreaterThanOrEqual(FULL)

    if (key && rollout.endedAt !== undefined) this.ended.add(key)
    if (key && this.ended.has(key)) {
      expect(rollout.weight, 'I4: nothing for what was given up').toBe(0)
      expect(rollout.endedAt, 'I4: it stays given up').toBeDefined()
    }
    if (plan.decision)
      expect(recompute({ ...plan.decision, number: 1, operator: '0' }), 'what is on record follows').toEqual([])
    expect(rolloutStatus.optional().safeParse(rollout).error, 'what the CRD takes').toBeUndefined()
    expect((canary.status.rejected ?? []).length).toBeLessThanOrEqual(MAX_REJECTED)
    expect((canary.status.commands ?? []).length).toBeLessThanOrEqual(MAX_COMMANDS)
  }
}

function happen(watch: Watch, what: Event) {
  const { canary } = watch
  switch (what.do) {
    case 'look':
      for (let i = 0; i < what.times; i++) watch.look()
      return
    case 'fail':
      canary.traffic.failing = { ...canary.traffic.failing, [what.version]: what.share }
      return
    case 'requests':
      canary.traffic.requests = what.count
      return
    case 'disagree':
      canary.traffic.disagreeing = what.share
      return
    case 'shadow fails':
      canary.traffic.shadowFailing = what.share
      return
    case 'refuse decisions':
      canary.areDecisionsRefused = what.areRefused
      return
    case 'unready':
      canary.unready.add(what.version)
      return
    case 'ready':
      canary.unready.delete(what.version)
      return
    case 'lag':
      canary.isLagging = what.isLagging
      return
    case 'rehearsal':
      canary.isRehearsalPassed = what.isPassed
      return
    case 'source':
      canary.source = what.source
      return
    case 'pin':
      canary.spec = { ...canary.spec, serving: { replicas: FULL, ...(what.version && { version: what.version }) } }
      return
    case 'annotate':
      canary.annotate(what.verb, what.version)
      return
    case 'pass':
      canary.now += what.ms
  }
}

test('in any order of events the invariants hold', () => {
  fc.assert(
    fc.property(settings, fc.array(event, { maxLength: 80, size: 'max' }), (rollout, events) => {
      const watch = new Watch(rollout)
      watch.look()
      for (const one of events) happen(watch, one)
    }),
    { numRuns: 150 },
  )
})

test('left alone with a good version and traffic, it ends with that version', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20, size: 'max' }), (events) => {
      const watch = new Watch({})
      watch.look()
      for (const one of events) happen(watch, one)
      const { canary } = watch
      Object.assign(canary, {
        isLagging: false,
        areDecisionsRefused: false,
        isRehearsalPassed: true,
        source: 2,
        annotations: {},
      })
      canary.traffic = { requests: 3000, failing: {}, disagreeing: 0, shadowFailing: 0 }
      canary.unready.clear()
      canary.spec = { serving: { replicas: FULL }, rollout: { steps: STEPS } }
      const isGivenUp = () => canary.status.rejected?.some((entry) => entry.version === NEWER) === true
      for (let i = 0; i < 200 && canary.stable !== NEWER && !isGivenUp(); i++) watch.look()
      expect(canary.stable === NEWER || isGivenUp()).toBe(true)
    }),
    { numRuns: 60 },
  )
})
