/** The plan of a model against a small model of the cluster, in any order of events: what holds whatever happens. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ModelVersion, VersionPhase } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import { baselineVersion } from './identity.ts'
import type { Serving } from './model-observed.ts'
import { planModel, type ModelPlan } from './model.ts'
import {
  acceptedStatus,
  MODEL,
  modelObserved,
  modelOf,
  NOW,
  servingOf,
  trainSource,
  versionOf,
} from './testing/factories.ts'

const KEEP = 1
const BASELINE = { uri: 'hf://naive/model' }
const sources = [3, 4, 5, 6].map((epochs) => trainSource({ hyperparameters: { epochs } }))
const names = sources.map((source) => versionOf(modelOf(source)).metadata.name)
const known = [...sources, { source: { import: BASELINE } }].map((source) => versionOf(modelOf(source)))

interface Wish {
  source: number
  pin: number | undefined
  hasBaseline: boolean
}

type Step =
  | { do: 'reconcile'; dies: 'never' | 'before the switch' | 'before the status' }
  | { do: 'wish'; wish: Wish }
  | { do: 'phase'; version: number; phase: VersionPhase }
  | { do: 'ready' | 'unready'; version: number }
  | { do: 'pass'; ms: number }

const version = fc.nat(known.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'reconcile', dies: 'never' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>(
      { do: 'reconcile', dies: 'before the switch' },
      { do: 'reconcile', dies: 'before the status' },
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        source: fc.nat(sources.length - 1),
        pin: fc.option(fc.nat(sources.length - 1), { nil: undefined, freq: 2 }),
        hasBaseline: fc.boolean(),
      })
      .map((wish): Step => ({ do: 'wish', wish })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(version, fc.constantFrom<VersionPhase>('Accepted', 'Accepted', 'Rejected', 'Failed', 'Training'))
      .map(([index, phase]): Step => ({ do: 'phase', version: index, phase })),
  },
  { weight: 4, arbitrary: version.map((index): Step => ({ do: 'ready', version: index })) },
  { weight: 1, arbitrary: version.map((index): Step => ({ do: 'unready', version: index })) },
  { weight: 2, arbitrary: fc.constantFrom(1_000, 19_000, 60_000).map((ms): Step => ({ do: 'pass', ms })) },
)

class World {
  now = NOW
  wish: Wish = { source: 0, pin: undefined, hasBaseline: false }
  stable: string | undefined
  versions = new Map<string, ModelVersion>()
  serving = new Map<string, Serving>()
  status: SentimentModelStatus | undefined
  epoch = 0
  routing: ModelPlan['routing']

  run(step: Step): void {
    switch (step.do) {
      case 'reconcile':
        return this.reconcile(step.dies)
      case 'wish':
        this.wish = step.wish
        return
      case 'pass':
        this.now += step.ms
        return
      case 'phase':
        return this.judge(step.version, step.phase)
      case 'ready':
      case 'unready': {
        const name = known[step.version]?.metadata.name ?? ''
        const isReady = step.do === 'ready'
        if (this.serving.has(name))
          this.serving.set(name, servingOf(name, { isFullyReady: isReady, readyReplicas: isReady ? 1 : 0 }))
      }
    }
  }

  private judge(index: number, phase: VersionPhase) {
    const name = known[index]?.metadata.name ?? ''
    const found = this.versions.get(name)
    // As the version's own plan has it: accepted is for ever.
    if (found && found.status?.phase !== 'Accepted')
      this.versions.set(name, { ...found, status: acceptedStatus({ phase }) })
  }

  private model() {
    const { source, pin, hasBaseline } = this.wish
    const spec = {
      ...sources[source],
      history: { keepVersions: KEEP },
      ...(pin !== undefined && { serving: { version: names[pin] } }),
      ...(hasBaseline && { baseline: BASELINE }),
    }
    return modelOf(spec, this.status ? { status: this.status } : {})
  }

  private reconcile(dies: 'never' | 'before the switch' | 'before the status') {
    const model = this.model()
    const observed = modelObserved({
      model,
      versions: [...this.versions.values()],
      stable: this.stable,
      serving: [...this.serving.values()],
      routing: this.routing,
    })
    const plan = planModel(observed, this.now)
    this.check(plan, baselineVersion(MODEL, model.spec)?.name)

    for (const { name } of plan.versions) {
      const made = known.find((candidate) => candidate.metadata.name === name)
      if (made && !this.versions.has(name)) this.versions.set(name, made)
    }
    this.routing = plan.routing
    for (const { version: name } of plan.deploy)
      if (!this.serving.has(name)) this.serving.set(name, servingOf(name, { isFullyReady: false, readyReplicas: 0 }))
    if (dies === 'before the switch') return
    this.stable = plan.stable
    for (const name of plan.retire) this.serving.delete(name)
    for (const { metadata } of plan.removeVersions) this.versions.delete(metadata.name)
    if (dies === 'before the status') return
    this.status = plan.status
    expect(this.status.promotions?.at(-1)?.version, 'what is live is on record').toBe(this.stable)
  }

  private check(plan: ModelPlan, baseline: string | undefined) {
    const isAccepted = (name: string) => this.versions.get(name)?.status?.phase === 'Accepted'
    for (const { version: name } of plan.deploy) expect(isAccepted(name), 'only accepted versions run').toBe(true)
    const live = plan.deploy.map((entry) => entry.version).filter((name) => name !== baseline)
    expect(live.length, 'versions that may take traffic').toBeLessThanOrEqual(2)

    if (plan.stable !== this.stable) {
      const isReady = this.serving.get(plan.stable ?? '')?.isFullyReady === true
      expect(
        isReady && isAccepted(plan.stable ?? ''),
        'traffic goes only to a version that is accepted and ready',
      ).toBe(true)
    }
    // What answers, and what answered until just now, keeps its pods.
    expect(plan.retire).not.toContain(plan.stable)
    expect(plan.retire).not.toContain(this.stable)

    const inUse = [plan.stable, this.stable, ...live, ...plan.versions.map(({ name }) => name)]
    for (const { metadata } of plan.removeVersions) expect(inUse, 'versions in use').not.toContain(metadata.name)

    const { routing } = plan
    if (!routing) return
    expect(routing.epoch, 'epochs never fall').toBeGreaterThanOrEqual(this.epoch)
    this.epoch = routing.epoch
    if (plan.stable !== undefined) expect(routing.stable).toBe(plan.stable)
    expect(routing.perMille).toBe(0)
  }
}

test('in any order of events the traffic is on one accepted, ready version whose pods stay', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
    }),
    { numRuns: 100 },
  )
})

test('left alone, it comes to rest: a look that finds nothing new asks for nothing new', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
      world.run({ do: 'reconcile', dies: 'never' })
      world.run({ do: 'pass', ms: 60_000 })
      for (let look = 1; look <= 3; look++) world.run({ do: 'reconcile', dies: 'never' })
      const before = structuredClone([world.status, world.routing, world.stable])
      world.run({ do: 'pass', ms: 60_000 })
      world.run({ do: 'reconcile', dies: 'never' })
      expect([world.status, world.routing, world.stable]).toEqual(before)
    }),
    { numRuns: 100 },
  )
})
