import { describe, expect, test } from 'vitest'
import type { ModelVersion, ModelVersionStatus } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import { isoTime } from './conditions.ts'
import { baselineVersion } from './identity.ts'
import type { ModelObserved } from './model-observed.ts'
import { planModel } from './model.ts'
import {
  acceptedStatus,
  DIGEST,
  MODEL,
  modelObserved,
  modelOf,
  NOW,
  podOf,
  servingOf,
  trainSource,
  versionOf,
} from './testing/factories.ts'

/** The source that asks for another version: `v(0)` is that of the shortest spec. */
const source = (n: number) => (n === 0 ? {} : trainSource({ hyperparameters: { epochs: 3 + n } }))
const nameOf = (n: number) => versionOf(modelOf(source(n))).metadata.name
const v = (n: number, status?: ModelVersionStatus): ModelVersion =>
  versionOf(modelOf(source(n)), status, NOW + n * 1000)
const accepted = (n: number) => v(n, acceptedStatus())

const plan = (change: Partial<ModelObserved>, model = modelOf(), now = NOW) =>
  planModel(modelObserved({ model, ...change }), now)
const conditionOf = (status: SentimentModelStatus, type: string) => {
  const found = status.conditions?.find((condition) => condition.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}
const promotion = (n: number, from?: number, at = NOW) => ({
  version: nameOf(n),
  digest: DIGEST,
  time: isoTime(at),
  reason: from === undefined ? 'FirstVersion' : 'NewVersion',
  ...(from !== undefined && { from: nameOf(from) }),
})

describe('the first version', () => {
  test('is made, with a claim for its artifact, and nothing serves', () => {
    const { versions, claim, deploy, stable, routing, retire, status } = plan({})
    expect(versions.map((version) => version.name)).toEqual([nameOf(0)])
    expect(claim).toBe('reviews-artifacts')
    expect([deploy, stable, routing, retire]).toEqual([[], undefined, undefined, []])
    expect(status).toMatchObject({ phase: 'Pending', candidate: { version: nameOf(0), phase: 'Queued' } })
    expect(conditionOf(status, 'Ready')).toMatch(/^False NoVersion/)
    expect(conditionOf(status, 'Trained')).toMatch(/^Unknown NotStarted/)
    expect(conditionOf(status, 'Progressing')).toMatch(/^True Queued/)
    expect(conditionOf(status, 'Promoted')).toMatch(/^False Queued.*nothing answers$/)
  })

  test('has no claim made where the user brings one', () => {
    expect(plan({}, modelOf({ storage: { claimName: 'mine' } })).claim).toBeUndefined()
  })

  test('shows its training, which is looked at again', () => {
    const training: ModelVersionStatus = {
      phase: 'Training',
      attempts: [{ kind: 'train', number: 2, job: 'j', startedAt: isoTime(NOW), inputHash: 'h' }],
      progress: { ratio: 0.5, loss: 0.3, etaSeconds: 60 },
    }
    const { status, requeueAfterMs, deploy } = plan({ versions: [v(0, training)] })
    expect(deploy).toEqual([])
    expect(requeueAfterMs).toBe(10_000)
    expect(status).toMatchObject({
      phase: 'Training',
      training: { version: nameOf(0), attempt: 2, progress: 0.5, loss: 0.3, etaSeconds: 60 },
    })
  })

  test('is started when it is accepted, with its routing file before anything answers', () => {
    const { deploy, stable, routing, status } = plan({ versions: [accepted(0)] })
    expect(deploy).toEqual([{ version: nameOf(0), digest: DIGEST, precision: 'int8', replicas: 1 }])
    expect(stable).toBeUndefined()
    expect(routing).toEqual({
      epoch: 1,
      stable: nameOf(0),
      perMille: 0,
      shadowPerMille: 0,
      candidateTimeoutMs: 1000,
      endpoints: { [nameOf(0)]: `http://${nameOf(0)}:8000` },
    })
    expect(status).toMatchObject({ phase: 'Progressing', candidate: { version: nameOf(0), phase: 'Starting' } })
  })

  test('answers when all its pods are ready, not before', () => {
    const starting = servingOf(nameOf(0), { isFullyReady: false, replicas: 2, readyReplicas: 1 })
    expect(plan({ versions: [accepted(0)], serving: [starting] }).stable).toBeUndefined()
    const { stable, status } = plan({ versions: [accepted(0)], serving: [servingOf(nameOf(0))] })
    expect(stable).toBe(nameOf(0))
    expect(status).toMatchObject({
      phase: 'Ready',
      stable: { version: nameOf(0), digest: DIGEST, precision: 'int8', accuracy: 0.888, replicas: 1, readyReplicas: 1 },
      promotions: [promotion(0)],
    })
    expect(status.candidate).toBeUndefined()
    expect(conditionOf(status, 'Ready')).toBe(`True Serving: ${nameOf(0)} answers with 1 of 1 pods`)
    expect(conditionOf(status, 'Promoted')).toMatch(/^True Stable/)
    expect(conditionOf(status, 'Progressing')).toMatch(/^False Settled/)
    expect(conditionOf(status, 'Gated')).toMatch(/^True GatesPassed/)
  })

  test.each(['Queued', 'Training', 'Evaluating', 'Rejected', 'Failed'] as const)('never serves while %s', (phase) => {
    const versions = [v(0, acceptedStatus({ phase }))]
    const { deploy, stable } = plan({ versions, serving: [servingOf(nameOf(0))] })
    expect([deploy, stable]).toEqual([[], undefined])
  })

  test.each(['Rejected', 'Failed'] as const)('that is %s leaves the model Failed', (phase) => {
    const { status } = plan({ versions: [v(0, { phase })] })
    expect(status.phase).toBe('Failed')
    expect(conditionOf(status, 'Progressing')).toMatch(new RegExp(`^False ${phase}`))
  })
})

/** Version 0 is stable and settled; the spec asks for version 1. */
const stableStatus: SentimentModelStatus = { promotions: [promotion(0, undefined, NOW - 1e6)] }
const changed = (more: object = {}, status = stableStatus) =>
  modelOf({ ...source(1), ...more }, { status, generation: 2 })
const serves = { stable: nameOf(0), serving: [servingOf(nameOf(0))] }

describe('a second version beside a stable one', () => {
  test('is made, and stable serves on', () => {
    const { versions, stable, deploy, retire, status } = plan({ ...serves, versions: [accepted(0)] }, changed())
    expect(versions.map((version) => version.name)).toEqual([nameOf(1)])
    expect(stable).toBe(nameOf(0))
    expect(deploy.map((entry) => entry.version)).toEqual([nameOf(0)])
    expect(retire).toEqual([])
    expect(status).toMatchObject({
      phase: 'Pending',
      stable: { version: nameOf(0) },
      candidate: { version: nameOf(1) },
    })
    expect(conditionOf(status, 'Ready')).toMatch(/^True Serving/)
    expect(conditionOf(status, 'Promoted')).toBe(`False Queued: ${nameOf(1)} is not stable yet; ${nameOf(0)} answers`)
  })

  test('runs beside stable until all its pods are ready; both are in the routing file, all traffic is on stable', () => {
    const serving = [...serves.serving, servingOf(nameOf(1), { isFullyReady: false, readyReplicas: 0 })]
    const observed = { ...serves, serving, versions: [accepted(0), accepted(1)] }
    const { stable, deploy, routing, retire } = plan(observed, changed())
    expect(stable).toBe(nameOf(0))
    expect(deploy.map((entry) => entry.version)).toEqual([nameOf(0), nameOf(1)])
    expect(retire).toEqual([])
    expect(routing).toMatchObject({ stable: nameOf(0), perMille: 0 })
    expect(Object.keys(routing?.endpoints ?? {}).sort()).toEqual([nameOf(0), nameOf(1)].sort())
  })

  test('takes all traffic in one switch, and the old pods stay for the grace', () => {
    const serving = [...serves.serving, servingOf(nameOf(1))]
    const { stable, retire, status, requeueAfterMs } = plan(
      { ...serves, serving, versions: [accepted(0), accepted(1)] },
      changed(),
    )
    expect(stable).toBe(nameOf(1))
    expect(retire).toEqual([])
    expect(requeueAfterMs).toBe(20_000)
    expect(status.phase).toBe('Ready')
    expect(status.promotions).toEqual([promotion(0, undefined, NOW - 1e6), promotion(1, 0)])
  })

  test('leaves the old pods their grace also if the operator died before it recorded the switch', () => {
    const serving = [...serves.serving, servingOf(nameOf(1))]
    const { stable, retire, status, requeueAfterMs } = plan(
      { stable: nameOf(1), serving, versions: [accepted(0), accepted(1)] },
      changed(),
    )
    expect([stable, retire, requeueAfterMs]).toEqual([nameOf(1), [], 20_000])
    expect(status.promotions?.at(-1)).toEqual(promotion(1, 0))
  })

  test('ends with the old pods retired after the grace', () => {
    const status = { promotions: [promotion(0, undefined, NOW - 1e6), promotion(1, 0)] }
    const observed = {
      stable: nameOf(1),
      serving: [...serves.serving, servingOf(nameOf(1))],
      versions: [accepted(0), accepted(1)],
    }
    expect(plan(observed, changed({}, status), NOW + 19_000)).toMatchObject({ retire: [], requeueAfterMs: 1000 })
    const after = plan(observed, changed({}, status), NOW + 20_000)
    expect(after.retire).toEqual([nameOf(0)])
    expect(after.requeueAfterMs).toBeUndefined()
    expect(after.status.promotions).toEqual(status.promotions)
  })

  test.each(['Rejected', 'Failed'] as const)('that is %s never serves, and stable serves on', (phase) => {
    const versions = [accepted(0), v(1, acceptedStatus({ phase }))]
    const { stable, deploy, retire, status } = plan({ ...serves, versions }, changed())
    expect(stable).toBe(nameOf(0))
    expect(deploy.map((entry) => entry.version)).toEqual([nameOf(0)])
    expect(retire).toEqual([])
    expect(conditionOf(status, 'Ready')).toMatch(/^True/)
    expect(conditionOf(status, 'Progressing')).toMatch(new RegExp(`^False ${phase}`))
  })

  test('that is superseded while it starts is retired at once: it never had traffic', () => {
    const serving = [...serves.serving, servingOf(nameOf(1), { isFullyReady: false })]
    const model = modelOf(source(2), { status: stableStatus })
    const { retire, stable } = plan({ ...serves, serving, versions: [accepted(0), accepted(1)] }, model)
    expect(retire).toEqual([nameOf(1)])
    expect(stable).toBe(nameOf(0))
  })

  test('going back to the old spec before the switch leaves everything as it was', () => {
    const model = modelOf({}, { status: stableStatus })
    const { versions, stable, status } = plan({ ...serves, versions: [accepted(0), v(1, { phase: 'Queued' })] }, model)
    expect(versions.map((version) => version.name)).toEqual([nameOf(0)])
    expect(stable).toBe(nameOf(0))
    expect(status.phase).toBe('Ready')
  })
})

describe('a pin', () => {
  const promotions = [promotion(0, undefined, NOW - 1e6), promotion(1, 0, NOW - 1e5)]
  const pinned = (n: number) => changed({ serving: { version: nameOf(n) } }, { promotions })
  const versions = [accepted(0), accepted(1)]
  const serving = [servingOf(nameOf(1))]

  test('brings a kept version up beside stable', () => {
    const { stable, deploy } = plan({ stable: nameOf(1), serving, versions }, pinned(0))
    expect(stable).toBe(nameOf(1))
    expect(deploy.map((entry) => entry.version)).toEqual([nameOf(1), nameOf(0)])
  })

  test('moves the traffic when it is ready, and says why', () => {
    const ready = [...serving, servingOf(nameOf(0))]
    const { stable, status } = plan({ stable: nameOf(1), serving: ready, versions }, pinned(0))
    expect(stable).toBe(nameOf(0))
    expect(status.phase).toBe('Ready')
    expect(status.promotions?.at(-1)).toEqual({ ...promotion(0, 1), reason: 'Pinned' })
  })

  test('holds against a new version that is ready', () => {
    const observed = { stable: nameOf(0), serving: [servingOf(nameOf(0)), servingOf(nameOf(1))], versions }
    expect(plan(observed, pinned(0)).stable).toBe(nameOf(0))
  })

  test('that is taken away lets the version of the spec come back', () => {
    const model = changed({}, { promotions: [...promotions, promotion(0, 1, NOW - 1e4)] })
    const observed = { stable: nameOf(0), serving: [servingOf(nameOf(0)), servingOf(nameOf(1))], versions }
    expect(plan(observed, model).stable).toBe(nameOf(1))
  })

  test('to a version that does not exist blocks, names what there is, and stable serves on', () => {
    const model = changed({ serving: { version: `${MODEL}-0000000000` } }, { promotions })
    const { stable, status, retire } = plan({ stable: nameOf(1), serving, versions }, model)
    expect([stable, retire]).toEqual([nameOf(1), []])
    expect(status.phase).toBe('Blocked')
    expect(status.blocked).toEqual({
      reason: 'PinnedVersionUnusable',
      object: `ModelVersion/${MODEL}-0000000000`,
      message: `spec.serving.version: ${MODEL}-0000000000 does not exist; accepted versions: ${nameOf(0)}, ${nameOf(1)}`,
      since: isoTime(NOW),
    })
  })

  test('to a rejected version blocks and says so', () => {
    const observed = {
      stable: nameOf(1),
      serving,
      versions: [v(0, acceptedStatus({ phase: 'Rejected' })), accepted(1)],
    }
    const { stable, deploy, status } = plan(observed, pinned(0))
    expect(stable).toBe(nameOf(1))
    expect(deploy.map((entry) => entry.version)).toEqual([nameOf(1)])
    expect(status.blocked?.message).toMatch(/is Rejected; accepted versions:/)
  })
})

describe('the baseline', () => {
  const model = modelOf({ baseline: { uri: 'hf://naive/model' } })
  const identity = baselineVersion(MODEL, model.spec)
  const naive = identity?.name ?? ''
  const naiveVersion = (status?: ModelVersionStatus) => {
    const version = versionOf(model, status)
    return { ...version, metadata: { ...version.metadata, name: naive }, spec: identity?.spec ?? version.spec }
  }

  test('is a version of its own, which runs and is in the routing file, but is never stable', () => {
    const versions = [naiveVersion(acceptedStatus())]
    const { versions: wanted, deploy, stable, routing, status } = plan({ versions, serving: [servingOf(naive)] }, model)
    expect(wanted.map((version) => version.name)).toEqual([nameOf(0), naive])
    expect(deploy.map((entry) => entry.version)).toEqual([naive])
    expect(stable).toBeUndefined()
    expect(routing).toMatchObject({ stable: '', baseline: naive, endpoints: { [naive]: `http://${naive}:8000` } })
    expect(status.baseline).toMatchObject({ version: naive, readyReplicas: 1 })
  })

  test('can not be pinned', () => {
    const pinnedToBaseline = modelOf({ baseline: { uri: 'hf://naive/model' }, serving: { version: naive } })
    const observed = { ...serves, versions: [accepted(0), naiveVersion(acceptedStatus())] }
    const { stable, status } = plan(observed, pinnedToBaseline)
    expect(stable).toBe(nameOf(0))
    expect(status.blocked).toMatchObject({ reason: 'PinnedVersionUnusable' })
    expect(status.blocked?.message).toContain('is a baseline')
  })

  test('is retired when the spec names none any more', () => {
    const observed = { ...serves, serving: [...serves.serving, servingOf(naive)], versions: [accepted(0)] }
    expect(plan(observed, modelOf()).retire).toEqual([naive])
  })

  test('that fails is named, while the model serves', () => {
    const blocked = { reason: 'TrainingFailed', object: 'Job/x', message: 'm', since: isoTime(NOW) }
    const observed = { ...serves, versions: [accepted(0), naiveVersion({ phase: 'Failed', blocked })] }
    const { stable, status } = plan(observed, model)
    expect(stable).toBe(nameOf(0))
    expect(status).toMatchObject({ phase: 'Ready', blocked: { object: 'Job/x' } })
    expect(conditionOf(status, 'Ready')).toMatch(/^True/)
  })
})

describe('the routing epoch', () => {
  const observed = { ...serves, versions: [accepted(0)] }
  test('rises with a change of the file and stays without one', () => {
    const first = plan(observed, modelOf()).routing
    expect(first?.epoch).toBe(1)
    expect(plan({ ...observed, routing: first }, modelOf()).routing).toEqual(first)
    const second = plan({ ...observed, versions: [accepted(0), accepted(1)], routing: first }, changed()).routing
    expect(second?.epoch).toBe(2)
  })
})

describe('history', () => {
  const old = [1, 2, 3, 4].map((n) => v(n, acceptedStatus()))
  const removed = (model = modelOf({ history: { keepVersions: 2 } }), change: Partial<ModelObserved> = {}) =>
    plan({ ...serves, versions: [accepted(0), ...old], ...change }, model).removeVersions.map(
      (version) => version.metadata.name,
    )

  test('keeps the newest versions beside those in use', () => {
    expect(removed()).toEqual([nameOf(2), nameOf(1)])
    expect(removed(modelOf({ history: { keepVersions: 5 } }))).toEqual([])
  })

  test('never takes a version that is stable, pinned, wanted or draining', () => {
    const keep = { history: { keepVersions: 1 } }
    expect(removed(modelOf(keep), { stable: nameOf(1), serving: [servingOf(nameOf(1))] })).not.toContain(nameOf(1))
    expect(removed(modelOf({ ...keep, serving: { version: nameOf(2) } }))).not.toContain(nameOf(2))
    const status = { promotions: [promotion(3, undefined, NOW - 1e6), promotion(0, 3, NOW - 1000)] }
    const serving = [servingOf(nameOf(0)), servingOf(nameOf(3))]
    expect(removed(modelOf(keep, { status }), { serving })).not.toContain(nameOf(3))
  })
})

describe('the ServiceMonitor', () => {
  const planned = (serviceMonitor: string, hasServiceMonitorApi: boolean) =>
    plan({ ...serves, versions: [accepted(0)], hasServiceMonitorApi }, modelOf({ monitoring: { serviceMonitor } }))

  test.each([
    ['Auto', true, true],
    ['Auto', false, false],
    ['Enabled', true, true],
    ['Enabled', false, false],
    ['Disabled', true, false],
  ])('%s, with the resource there: %s, is made: %s', (mode, hasApi, expected) => {
    expect(planned(mode, hasApi).hasServiceMonitor).toBe(expected)
  })

  test('that is demanded of a cluster without the resource blocks, and the model serves', () => {
    const { status } = planned('Enabled', false)
    expect(status.blocked?.reason).toBe('ServiceMonitorMissing')
    expect(conditionOf(status, 'Ready')).toMatch(/^True/)
  })
})

describe('the culprit', () => {
  test('of what was asked for comes before that of what serves on', () => {
    const blocked = { reason: 'Unschedulable', object: 'Pod/train', message: 'no GPU', since: isoTime(NOW) }
    const serving = [servingOf(nameOf(0), { isFullyReady: false, pods: [podOf({ unschedulable: 'no node' })] })]
    const observed = { ...serves, serving, versions: [accepted(0), v(1, { phase: 'Training', blocked })] }
    expect(plan(observed, changed()).status.blocked).toMatchObject({ object: 'Pod/train', message: 'no GPU' })
    expect(plan({ ...observed, versions: [accepted(0)] }, modelOf()).status.blocked?.object).toBe('Pod/pod-1')
  })

  test('is the Deployment itself where it may not create pods', () => {
    const serving = [servingOf(nameOf(0), { isFullyReady: false, refused: 'exceeded quota: pods' })]
    const { status } = plan({ versions: [accepted(0)], serving })
    expect(status.blocked).toMatchObject({ reason: 'QuotaExceeded', object: `Deployment/${nameOf(0)}` })
  })
})

test('stable without a ready pod is Degraded, and says so', () => {
  const serving = [servingOf(nameOf(0), { isFullyReady: false, readyReplicas: 0 })]
  const { status, stable, deploy } = plan({ ...serves, serving, versions: [accepted(0)] })
  expect([stable, deploy.length, status.phase]).toEqual([nameOf(0), 1, 'Degraded'])
  expect(conditionOf(status, 'Ready')).toBe(`False NoReadyPod: ${nameOf(0)} answers with 0 of 1 pods`)
})

test('a look that finds nothing new writes the very same status', () => {
  const observed = { ...serves, versions: [accepted(0)] }
  const { status } = plan(observed, modelOf())
  expect(plan(observed, modelOf({}, { status }), NOW + 60_000).status).toEqual(status)
})
