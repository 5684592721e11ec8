/** How many pods there are, with an autoscaler that measures the stable version only. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoTime } from './conditions.ts'
import type { ModelObserved } from './model-observed.ts'
import { planModel } from './model.ts'
import { Canary, NEW, OLD } from './rollout/testing/canary.ts'
import {
  acceptedStatus,
  DIGEST,
  MODEL,
  modelObserved,
  modelOf,
  NOW,
  servingOf,
  versionOf,
} from './testing/factories.ts'

const STABLE = versionOf(modelOf()).metadata.name
const promotions = [{ version: STABLE, digest: DIGEST, time: isoTime(NOW - 1e6), reason: 'FirstVersion' }]
const scalingOf = (replicas: number, held?: object) => ({ autoscaler: MODEL, replicas, ...(held && { held }) })

/** A settled model, whose stable version has `pods`. */
function plan(
  serving: object,
  { pods, scaling, now = NOW, ...change }: { pods: number; scaling?: object; now?: number } & Partial<ModelObserved>,
) {
  const status = { promotions, ...(scaling && { scaling }) } as never
  const model = modelOf({ serving }, { status })
  const stable = servingOf(STABLE, { replicas: pods, readyReplicas: pods })
  const versions = [versionOf(model, acceptedStatus())]
  return planModel(modelObserved({ model, versions, stable: STABLE, serving: [stable], ...change }), now)
}
const podsOf = ({ deploy }: ReturnType<typeof plan>) => deploy.find(({ version }) => version === STABLE)?.replicas
const condition = ({ status }: ReturnType<typeof plan>) => {
  const found = status.conditions?.find(({ type }) => type === 'Autoscaled')
  return found && `${found.status} ${found.reason}: ${found.message}`
}

describe('the number of pods', () => {
  test('is that of the spec, within the bounds of autoscaling', () => {
    const autoscaling = { minReplicas: 2, maxReplicas: 8 }
    expect(podsOf(plan({ replicas: 20 }, { pods: 1 }))).toBe(20)
    for (const [replicas, pods] of [
      [1, 2],
      [5, 5],
      [20, 8],
      [0, 0],
    ])
      expect(podsOf(plan({ replicas, autoscaling }, { pods: 5, scaling: scalingOf(5) }))).toBe(pods)
  })

  test('stays when autoscaling is asked for and replicas leaves the manifest, until the autoscaler has had its time', () => {
    const serving = { autoscaling: { minReplicas: 2, maxReplicas: 20 } }
    const first = plan(serving, { pods: 10 })
    expect(podsOf(first)).toBe(10)
    expect(first.autoscaling).toMatchObject({ minReplicas: 10, maxReplicas: 20 })
    expect(first.requeueAfterMs).toBe(300_000)

    // As the autoscaler does where there are fewer than its least.
    const taken = { ...serving, replicas: 10 }
    const scaling = first.status.scaling as object
    expect(podsOf(plan(taken, { pods: 10, scaling, now: NOW + 299_000 }))).toBe(10)
    const free = plan({ ...serving, replicas: 3 }, { pods: 10, scaling, now: NOW + 300_000 })
    expect(free.autoscaling).toMatchObject({ minReplicas: 2 })
    expect([podsOf(free), free.status.scaling]).toEqual([3, scalingOf(3)])
  })

  test('is held at no more than maxReplicas', () => {
    const found = plan(
      { replicas: 2, autoscaling: { maxReplicas: 4 } },
      { pods: 9, scaling: scalingOf(9, { replicas: 9 }) },
    )
    expect(podsOf(found)).toBe(4)
    expect(found.autoscaling).toMatchObject({ minReplicas: 4, maxReplicas: 4 })
  })

  test('of a baseline does not follow the work of others', () => {
    const model = modelOf({ baseline: { uri: 'hf://naive/model' } })
    const [, baseline] = planModel(modelObserved({ model }), NOW).versions
    const version = { ...versionOf(model, acceptedStatus()), spec: baseline?.spec as never }
    const named = { ...version, metadata: { ...version.metadata, name: baseline?.name ?? '' } }
    const serving = { replicas: 7, autoscaling: { minReplicas: 2, maxReplicas: 8 } }
    const observed = modelObserved({
      model: modelOf({ baseline: { uri: 'hf://naive/model' }, serving }, { status: { promotions } }),
      versions: [versionOf(model, acceptedStatus()), named],
      stable: STABLE,
      serving: [servingOf(STABLE, { replicas: 7, readyReplicas: 7 })],
    })
    expect(planModel(observed, NOW).deploy.map(({ replicas }) => replicas)).toEqual([7, 2])
  })
})

describe('an autoscaler', () => {
  const serving = { replicas: 2, autoscaling: { minReplicas: 2, maxReplicas: 8 } }
  const says = (...conditions: [string, string, string, string][]) => ({
    autoscaler: {
      name: MODEL,
      conditions: conditions.map(([type, status, reason, message]) => ({ type, status, reason, message })),
    },
  })

  test('is there once a version answers, and goes with the wish for it', () => {
    expect(plan(serving, { pods: 2, stable: undefined, serving: [] }).autoscaling).toBeUndefined()
    expect(plan({ replicas: 2 }, { pods: 2, scaling: scalingOf(2) }).autoscaling).toBeUndefined()
    expect(plan({ replicas: 2 }, { pods: 2, scaling: scalingOf(2) }).status.scaling).toBeUndefined()
  })

  test('measures the pods of the stable version', () => {
    expect(plan(serving, { pods: 2 }).status.stable?.selector).toBe(
      `valence.dev/model=reviews,valence.dev/version=${STABLE},app.kubernetes.io/component=server`,
    )
  })

  test('that has no metrics is a condition of its own, and takes nothing from Ready', () => {
    const found = plan(serving, {
      pods: 2,
      ...says(
        ['AbleToScale', 'True', 'SucceededGetScale', 'fine'],
        [
          'ScalingActive',
          'False',
          'FailedGetContainerResourceMetric',
          'the server could not find the requested resource',
        ],
      ),
    })
    expect(condition(found)).toBe(
      'False FailedGetContainerResourceMetric: HorizontalPodAutoscaler/reviews: the server could not find the requested resource',
    )
    expect(found.status).toMatchObject({ phase: 'Ready' })
    expect(found.status.blocked).toBeUndefined()
  })

  test('says whether it works, and where it would go beyond its bounds', () => {
    const active: [string, string, string, string] = ['ScalingActive', 'True', 'ValidMetricFound', '']
    expect(condition(plan({ replicas: 2 }, { pods: 2 }))).toBeUndefined()
    expect(condition(plan(serving, { pods: 2 }))).toMatch(/^Unknown NotMeasured/)
    expect(condition(plan(serving, { pods: 2, ...says(active) }))).toBe(
      'True ScalingActive: HorizontalPodAutoscaler/reviews keeps between 2 and 8 pods',
    )
    const limited = says(active, ['ScalingLimited', 'True', 'TooManyReplicas', ''])
    expect(condition(plan(serving, { pods: 8, ...limited }))).toMatch(/^True TooManyReplicas/)
  })

  test('that adds pods leaves the model Ready while they start; too few make it Degraded', () => {
    const starting = (readyReplicas: number) =>
      plan(
        { ...serving, replicas: 5 },
        { pods: 5, serving: [servingOf(STABLE, { replicas: 5, readyReplicas, isFullyReady: false })] },
      ).status
    expect(starting(2).phase).toBe('Ready')
    expect(starting(1).phase).toBe('Degraded')
  })
})

/** Work that a pod does at the target. */
const TARGET = 10
const TOLERANCE = 0.1
const MAX = 40

/** A HorizontalPodAutoscaler at its worst: it sees the past, and scales down without waiting. */
class Scaled extends Canary {
  load: number
  /** Looks that its metrics are behind. */
  readonly lag: number
  readonly #shares: number[] = []

  constructor(load: number, lag: number, rollout: object) {
    super({ serving: { autoscaling: { maxReplicas: MAX } }, rollout })
    this.source = 0
    this.load = load
    this.lag = lag
  }

  get replicas(): number {
    return (this.spec['serving'] as { replicas?: number }).replicas ?? 1
  }

  get stablePods(): number {
    return this.serving.get(this.stable ?? '')?.readyReplicas ?? 0
  }

  get need(): number {
    return Math.min(MAX, Math.ceil(this.load / TARGET / (1 + TOLERANCE)))
  }

  override look(times = 1): this {
    for (let i = 0; i < times; i++) {
      super.look()
      this.#shares.push(1 - (this.routing?.perMille ?? 0) / 1000)
      this.#scale()
    }
    return this
  }

  #scale() {
    const bounds = this.plan?.autoscaling
    if (!bounds) return
    const share = this.#shares.at(-1 - this.lag) ?? 1
    const ratio = (this.load * share) / this.stablePods / TARGET
    const wanted = Math.abs(ratio - 1) <= TOLERANCE ? this.replicas : Math.ceil(ratio * this.stablePods)
    const bounded = Math.min(bounds.maxReplicas, Math.max(bounds.minReplicas, wanted))
    this.spec = { ...this.spec, serving: { ...(this.spec['serving'] as object), replicas: bounded } }
  }
}

const HOURS = {
  steps: [
    { weight: 1, hold: '1m' },
    { weight: 50, hold: '10m' },
  ],
}

describe('in a canary under an autoscaler', () => {
  test('stable keeps what it began with while half of its traffic is elsewhere, and after that is back', () => {
    const canary = new Scaled(200, 0, HOURS).look(20)
    expect([canary.stablePods, canary.replicas]).toEqual([20, 20])
    canary.source = 1
    canary.until('half of the traffic', () => canary.rollout?.weight === 50).look(100)
    expect(canary.status.scaling).toEqual({ autoscaler: MODEL, replicas: 20, held: { replicas: 20 } })
    expect([canary.stablePods, canary.replicas]).toEqual([20, 20])
    canary.annotate('abort', NEW)
    canary.look(400)
    expect(canary.rollout?.phase).toBe('Aborted')
    expect([canary.stablePods, canary.replicas]).toEqual([20, 20])
    expect(canary.status.scaling?.held).toBeUndefined()
    // Nothing is held any more.
    canary.load = 50
    expect(canary.look(5).stablePods).toBe(5)
  })

  test('the new stable version has as many pods as the old one, and follows the work from then on', () => {
    const canary = new Scaled(200, 0, HOURS).look(20)
    canary.source = 1
    canary.until('promoted', () => canary.stable === NEW, 1000)
    expect(canary.serving.get(NEW)?.readyReplicas).toBe(20)
    expect(canary.serving.get(OLD)?.replicas).toBe(20)
    expect(canary.status.scaling?.held).toEqual({ replicas: 20, until: expect.any(String) as string })
    expect(canary.look(400).stablePods).toBe(20)
    canary.load = 90
    expect(canary.look(5).stablePods).toBe(9)
  })

  test('it grows with the work during a rollout, and both versions with it', () => {
    const canary = new Scaled(100, 0, HOURS).look(20)
    canary.source = 1
    canary.until('one percent', () => canary.rollout?.weight === 1)
    canary.load = 300
    canary.look(5)
    expect(canary.stablePods).toBe(30)
    canary.until('half of the traffic', () => canary.rollout?.weight === 50)
    expect(canary.serving.get(NEW)?.readyReplicas).toBe(23)
    expect(canary.look(50).stablePods).toBe(30)
  })

  test('whatever becomes of the rollout, stable always has the pods for all of a steady work', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 60 }),
        fc.constantFrom('abort', 'promote', 'evidence', 'fails'),
        fc.integer({ min: 0, max: 60 }),
        fc.boolean(),
        (load, lag, end, after, diesOnDecision) => {
          const canary = new Scaled(load, lag, { steps: [{ weight: 10 }, { weight: 90, hold: '5m' }] }).look(10)
          const check = (times: number) => {
            for (let i = 0; i < times; i++) {
              canary.look()
              expect(canary.stablePods, JSON.stringify(canary.status.scaling)).toBeGreaterThanOrEqual(canary.need)
            }
          }
          check(5)
          canary.source = 1
          check(10 + after)
          if (end === 'abort' || end === 'promote') canary.annotate(end, NEW)
          if (end === 'fails') canary.traffic.failing = { [NEW]: 1 }
          canary.diesOnDecision = diesOnDecision
          check(3)
          canary.diesOnDecision = false
          check(600)
        },
      ),
      { numRuns: 60 },
    )
  })
})
