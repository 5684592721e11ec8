/** The plan of a version against a small model of the cluster, in any order of events. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ModelVersionStatus } from '../api/v1alpha1/model-version.ts'
import type { JobObservation } from './observed.ts'
import {
  endedPod,
  inStage,
  evaluated,
  failedWith,
  IMAGES,
  jobOf,
  modelOf,
  NOW,
  runningPod,
  summaryOf,
  TRAINED,
  versionObserved,
} from './testing/factories.ts'
import { imageOf, planVersion } from './version.ts'

const RETRIES = 1
const specs = [
  modelOf({ job: { retries: RETRIES } }),
  modelOf({ job: { retries: RETRIES, resources: { limits: { memory: '8Gi' } } } }),
  modelOf({ job: { retries: RETRIES }, gates: { minAccuracy: 0.95 } }),
].map(({ spec }) => spec)
/** Ways of running it among the specs above: gates are none. */
const WAYS = 2

type Step =
  | { do: 'reconcile'; crash: 'never' | 'before Job' | 'before status' }
  | { do: 'start' | 'lose' | 'oom' | 'bad data' | 'succeed' }
  | { do: 'spec'; index: number }
  | { do: 'want'; isWanted: boolean }
  | { do: 'pass'; ms: number }

/** What befalls the Jobs of one run: where all may happen, few runs get as far as the last retry. */
const FATES: Step['do'][][] = [
  ['start', 'lose', 'oom', 'bad data', 'succeed'],
  ['start', 'oom'],
  ['start', 'lose'],
  ['start', 'succeed'],
]
const steps = (fates: Step['do'][]) => fc.array(stepWith(fates), { maxLength: 80, size: 'max' })

const stepWith = (fates: Step['do'][]): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step>({ do: 'reconcile', crash: 'never' }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step>(
        { do: 'reconcile', crash: 'before Job' },
        { do: 'reconcile', crash: 'before status' },
      ),
    },
    {
      weight: 5,
      arbitrary: fc.constantFrom(...fates).map((fate) => ({ do: fate }) as Step),
    },
    { weight: 1, arbitrary: fc.nat(specs.length - 1).map((index): Step => ({ do: 'spec', index })) },
    { weight: 1, arbitrary: fc.boolean().map((isWanted): Step => ({ do: 'want', isWanted })) },
    { weight: 3, arbitrary: fc.constantFrom(5_000, 60_000, 3_600_000).map((ms): Step => ({ do: 'pass', ms })) },
  )

class World {
  now = NOW
  spec = specs[0] ?? modelOf().spec
  isWanted = true
  status: ModelVersionStatus | undefined
  jobs: JobObservation[] = []
  created: JobObservation[] = []

  run(step: Step): void {
    switch (step.do) {
      case 'reconcile':
        return this.reconcile(step.crash)
      case 'spec':
        this.spec = specs[step.index] ?? this.spec
        return
      case 'want':
        this.isWanted = step.isWanted
        return
      case 'pass':
        this.now += step.ms
        return
      case 'lose':
        this.jobs = this.jobs.slice(0, -1)
        return
      case 'start':
        return this.change((job) => ({ ...job, pods: [runningPod(this.now)] }))
      case 'oom':
        return this.end(false, { reason: 'OOMKilled', exitCode: 137 })
      case 'bad data':
        return this.end(false, { exitCode: 3, message: failedWith('DataInvalid', 'row 7') })
      case 'succeed':
        return this.end(true, {})
    }
  }

  private change(to: (job: JobObservation) => JobObservation) {
    this.jobs = this.jobs.map((job) => (job.finished ? job : to(job)))
  }

  private end(succeeded: boolean, pod: Parameters<typeof endedPod>[0]) {
    this.change((job) => {
      const message = job.stage === 'train' ? TRAINED : evaluated(summaryOf())
      return {
        ...job,
        finished: { succeeded, reason: 'r', message: 'm', at: this.now },
        pods: [inStage(job.stage, endedPod({ message, ...pod }))],
      }
    })
  }

  private reconcile(crash: 'never' | 'before Job' | 'before status') {
    const observed = versionObserved(
      { spec: this.spec, isWanted: this.isWanted, jobs: this.jobs, images: IMAGES },
      this.status,
    )
    const wasAccepted = this.status?.phase === 'Accepted'
    const plan = planVersion(observed, this.now)
    const running = plan.remove.filter((job) => job.pods.length > 0)
    if (this.isWanted) expect(running, 'a running Job is never taken away from a wanted version').toEqual([])
    this.jobs = this.jobs.filter((job) => !plan.remove.includes(job))
    if (crash === 'before Job') return
    if (plan.start) {
      const { stage, attempt, job: name, inputHash } = plan.start
      // A Job of that name may be there from before a crash: the name holds the place.
      if (!this.jobs.some((job) => job.name === name)) {
        const image = imageOf(stage, { spec: this.spec, images: IMAGES })
        const job = jobOf(stage, attempt, { name, inputHash, image, createdAt: this.now })
        this.jobs = [...this.jobs, job]
        this.created.push(job)
      }
    }
    expect(this.jobs.filter((job) => !job.finished).length, 'active Jobs').toBeLessThanOrEqual(1)
    if (crash === 'before status') return
    this.status = plan.status
    if (wasAccepted) expect(this.status.phase).toBe('Accepted')
  }
}

test('in any order of events there is one active Job at most, attempts are bounded, and Accepted is for ever', () => {
  fc.assert(
    fc.property(fc.constantFrom(...FATES).chain(steps), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)

      const failures = new Map<string, number>()
      for (const { kind, inputHash, result } of world.status?.attempts ?? []) {
        if (result !== 'Failed') continue
        const key = `${kind} ${inputHash}`
        failures.set(key, (failures.get(key) ?? 0) + 1)
      }
      expect(Math.max(0, ...failures.values())).toBeLessThanOrEqual(RETRIES + 1)
      expect(failures.size).toBeLessThanOrEqual(2 * WAYS)
      const { attempts = [] } = world.status ?? {}
      expect(new Set(attempts.map(({ kind, number }) => `${kind} ${number}`)).size).toBe(attempts.length)
      // A name is used twice only where a Job was lost before anyone had written it down.
      const permanent = attempts.filter((entry) => entry.permanent === true)
      expect(permanent.length).toBeLessThanOrEqual(2)
    }),
    { numRuns: 300 },
  )
})

test('left alone, a version that nothing hinders is accepted in four looks at the cluster', () => {
  const world = new World()
  for (const name of ['reconcile', 'succeed', 'reconcile', 'succeed', 'reconcile'] as const)
    world.run(name === 'reconcile' ? { do: 'reconcile', crash: 'never' } : { do: name })
  expect(world.status?.phase).toBe('Accepted')
  expect(world.created.map((job) => job.stage)).toEqual(['train', 'evaluate'])
})
