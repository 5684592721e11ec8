import { expect, test } from 'vitest'
import { isoTime } from './conditions.ts'
import { planRemoval, REMOVAL_DEADLINE_MS, type RemovalObserved } from './removal.ts'
import { acceptedStatus, jobOf, modelOf, NOW, versionOf } from './testing/factories.ts'

function observedOf(change: Partial<RemovalObserved> = {}): RemovalObserved {
  const version = versionOf(modelOf(), acceptedStatus())
  return {
    version: {
      ...version,
      metadata: { ...version.metadata, deletionTimestamp: isoTime(NOW) },
      spec: { ...version.spec, claimName: 'shared' },
    },
    claim: 'there',
    isServing: false,
    active: [],
    isMounted: false,
    removal: undefined,
    ...change,
  }
}
const finished = (succeeded: boolean, message = '') => ({ succeeded, reason: '', message, at: NOW })

test('an artifact is removed by a Job of its own, and then the version may go', () => {
  const observed = observedOf()
  const plan = planRemoval(observed, NOW)
  expect(plan).toMatchObject({
    kind: 'remove',
    claimName: 'shared',
    job: `${observed.version.metadata.name}-remove-uid-`,
  })
  const removal = jobOf('train', 1)
  expect(planRemoval({ ...observed, removal }, NOW)).toMatchObject({ kind: 'wait' })
  expect(planRemoval({ ...observed, removal: { ...removal, finished: finished(true) } }, NOW)).toEqual({
    kind: 'release',
  })
})

test('attempts are stopped, and pods that may use the artifact are waited for, before it is removed', () => {
  const active = [jobOf('train', 1)]
  expect(planRemoval(observedOf({ active, isMounted: true }), NOW)).toMatchObject({ kind: 'stop', jobs: active })
  expect(planRemoval(observedOf({ isMounted: true }), NOW)).toMatchObject({ kind: 'wait' })
})

test('nothing is removed from a claim that goes as a whole, is going or gone, or was never written to', () => {
  for (const claim of ['going', 'goesWithItsModel'] as const)
    expect(planRemoval(observedOf({ claim }), NOW)).toEqual({ kind: 'release' })
  const { version } = observedOf()
  expect(planRemoval(observedOf({ version: { ...version, status: { attempts: [] } } }), NOW)).toEqual({
    kind: 'release',
  })
})

test('a version that answers for a model that stays keeps its artifact for its successor', () => {
  expect(planRemoval(observedOf({ isServing: true, isMounted: true }), NOW)).toEqual({ kind: 'release' })
})

test('a deletion is not held up for ever, and what stays behind is named', () => {
  const removal = { ...jobOf('train', 1), finished: finished(false, 'read-only file system') }
  const failed = planRemoval(observedOf({ removal }), NOW)
  expect(failed).toMatchObject({
    kind: 'release',
    left: expect.stringMatching(/reviews-.* stays on PersistentVolumeClaim\/shared: read-only file system/) as string,
  })
  const late = planRemoval(observedOf({ isMounted: true }), NOW + REMOVAL_DEADLINE_MS)
  expect(late).toMatchObject({ kind: 'release', left: expect.stringContaining('10 minutes') as string })
})
