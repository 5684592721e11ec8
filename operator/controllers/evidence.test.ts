import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evidence, FAILURE_KINDS, LATENCY_BOUNDS_MS, type ArmCounters, type Evidence } from '../../contract/evidence.ts'
import { EvidenceLedger, readEvidence, type ServingPod } from './evidence.ts'

const MODEL = 'shop/reviews'
const signal = AbortSignal.timeout(60_000)

const podOf = (uid: string, change: Partial<ServingPod> = {}): ServingPod => ({
  uid,
  name: `pod-${uid}`,
  version: 'old',
  ip: '10.0.0.1',
  isReady: true,
  ...change,
})

const armOf = (requests: number, failures = 0): ArmCounters => ({
  requests,
  failures,
  reasons: failures > 0 ? { error: failures } : {},
  latency: LATENCY_BOUNDS_MS.map(() => 0).concat(requests),
})

const shadowOf = (samples: number) => ({
  samples,
  disagreements: Math.floor(samples / 2),
  negToPos: Math.floor(samples / 2),
  posToNeg: 0,
  distance: samples / 4,
  failures: 0,
  dropped: 0,
})

const evidenceOf = (change: Partial<Evidence> = {}): Evidence => ({
  boot: 'boot-1',
  epoch: 1,
  version: 'old',
  digest: '',
  arms: {},
  forced: {},
  shadow: {},
  ...change,
})

/** Answers with what was said last of each pod; an Error is thrown. */
class Said {
  readonly answers = new Map<string, Evidence | Error>()
  readonly ledger = new EvidenceLedger(({ uid }) => {
    const answer = this.answers.get(uid) ?? new Error('nobody is there')
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  })

  say(uid: string, change: Partial<Evidence> | Error): this {
    this.answers.set(uid, change instanceof Error ? change : evidenceOf(change))
    return this
  }

  collect(pods = [podOf('a')]) {
    return this.ledger.collect(MODEL, pods, signal)
  }
}

describe('what pods have counted since the last look', () => {
  test('is nothing at the first look, whatever they had counted before', async () => {
    const said = new Said().say('a', { arms: { old: armOf(1000, 10) }, shadow: { new: shadowOf(8) } })
    const { arms, shadow, pods } = await said.collect()
    expect({ arms, shadow }).toEqual({ arms: {}, shadow: {} })
    expect(pods).toEqual([{ pod: 'pod-a', version: 'old', isReady: true, epoch: 1 }])
  })

  test('is added up over pods, by version, with its kinds of failure and its shadow', async () => {
    const said = new Said()
    const pods = [podOf('a'), podOf('b')]
    const before = { old: armOf(10, 1) }
    said.say('a', { arms: before, shadow: { new: shadowOf(4) } }).say('b', { boot: 'b', arms: before })
    await said.collect(pods)
    said.say('a', { arms: { old: armOf(30, 4), new: armOf(5, 5) }, shadow: { new: shadowOf(12) } })
    said.say('b', { boot: 'b', arms: { old: armOf(11, 1) }, shadow: { new: shadowOf(4) } })
    const { arms, shadow } = await said.collect(pods)
    expect(arms).toEqual({
      old: { requests: 21, failures: 3, reasons: { error: 3 } },
      new: { requests: 5, failures: 5, reasons: { error: 5 } },
    })
    expect(shadow).toEqual({
      new: { samples: 12, disagreements: 6, negToPos: 6, posToNeg: 0, distance: 3, failures: 0, dropped: 0 },
    })
  })

  test('begins at zero where the process has started anew, though it has counted more than the one before', async () => {
    const said = new Said().say('a', { arms: { old: armOf(10) } })
    await said.collect()
    said.say('a', { boot: 'boot-2', arms: { old: armOf(12) } })
    expect((await said.collect()).arms).toEqual({ old: { requests: 12, failures: 0, reasons: {} } })
  })

  test('is made up for by a pod that did not answer once', async () => {
    const said = new Said().say('a', { arms: { old: armOf(10) } })
    await said.collect()
    said.say('a', new Error('connection refused'))
    const missed = await said.collect()
    expect(missed.arms).toEqual({})
    expect(missed.pods).toEqual([
      { pod: 'pod-a', version: 'old', isReady: true, problem: 'did not say what it runs: connection refused' },
    ])
    said.say('a', { arms: { old: armOf(25) } })
    expect((await said.collect()).arms['old']).toMatchObject({ requests: 15 })
  })

  test('is lost, and not counted twice, where a pod was not among the pods for a while', async () => {
    const said = new Said().say('a', { arms: { old: armOf(10) } })
    await said.collect()
    await said.collect([])
    said.say('a', { arms: { old: armOf(25) } })
    expect((await said.collect()).arms).toEqual({})
  })

  test('is lost with a model that is forgotten, and that of another model is not', async () => {
    const said = new Said().say('a', { arms: { old: armOf(10) } })
    await said.collect()
    await said.ledger.collect('shop/other', [podOf('a')], signal)
    said.ledger.forget(MODEL)
    said.say('a', { arms: { old: armOf(25) } })
    expect((await said.collect()).arms).toEqual({})
    expect((await said.ledger.collect('shop/other', [podOf('a')], signal)).arms['old']).toMatchObject({ requests: 15 })
  })

  test('begins anew as a whole where a pod has dropped the counters of a version: failures are never more than requests', async () => {
    const said = new Said().say('a', { arms: { old: armOf(100, 5) } })
    await said.collect()
    said.say('a', { arms: { old: armOf(101, 3) } })
    expect((await said.collect()).arms).toEqual({ old: { requests: 101, failures: 3, reasons: { error: 3 } } })
    said.say('a', { arms: { old: armOf(102, 50) } })
    expect((await said.collect()).arms['old']).toMatchObject({ requests: 102, failures: 50 })
  })

  test('is not taken from another pod that has been given the address, nor is its epoch', async () => {
    const said = new Said().say('a', { arms: { old: armOf(10) } })
    await said.collect()
    said.say('a', { boot: 'other', version: 'theirs', epoch: 7, arms: { old: armOf(9999) } })
    const { arms, pods } = await said.collect()
    expect(arms).toEqual({})
    expect(pods[0]).not.toHaveProperty('epoch')
    expect(pods[0]?.problem).toContain('a pod of theirs answers at its address')
  })

  test('is asked of 16 pods at a time', async () => {
    let [running, most] = [0, 0]
    const ledger = new EvidenceLedger(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
      return evidenceOf()
    })
    const { pods } = await ledger.collect(
      MODEL,
      Array.from({ length: 50 }, (_, index) => podOf(String(index))),
      signal,
    )
    expect([pods.length, most]).toEqual([50, 16])
    expect(pods.map(({ pod }) => pod)).toEqual(pods.map((_, index) => `pod-${index}`))
  })
})

test('a pod without an address is not asked, and says why in what is told of it', async () => {
  const ledger = new EvidenceLedger(readEvidence)
  const { pods } = await ledger.collect(MODEL, [podOf('a', { ip: undefined })], signal)
  expect(pods[0]?.problem).toBe('did not say what it runs: it has no address yet')
})

test('a pod that counts more failures than requests is not listened to, because nothing can be judged by it', () => {
  expect(evidence.safeParse(evidenceOf({ arms: { old: armOf(5, 5) } })).success).toBe(true)
  expect(evidence.safeParse(evidenceOf({ arms: { old: armOf(5, 6) } })).success).toBe(false)
})

test('requests that named their version are told by process, and not at all of pods that do not answer', async () => {
  const said = new Said().say('a', { forced: { new: { requests: 3, failures: 0 } } }).say('b', { boot: 'b' })
  const forced = await said.ledger.forced([podOf('a'), podOf('b'), podOf('c')], 'new', signal)
  expect(Object.fromEntries(forced)).toEqual({ 'boot-1': 3, b: 0 })
})

/** What may happen to a pod between two looks. */
type Happening =
  | { do: 'count'; pod: number; version: string; requests: number; failing: number }
  | { do: 'restart' | 'silence' | 'hide' | 'drop'; pod: number }
  | { do: 'forget' | 'look' }

const PODS = 3
const pod = fc.nat(PODS - 1)
const count: fc.Arbitrary<Happening> = fc
  .tuple(pod, fc.constantFrom('old', 'new'), fc.nat(50), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([index, version, requests, failing]) => ({ do: 'count', pod: index, version, requests, failing }))
const look: fc.Arbitrary<Happening> = fc.constant({ do: 'look' })
const trouble: fc.Arbitrary<Happening> = fc.oneof(
  fc
    .tuple(fc.constantFrom<'restart' | 'silence' | 'hide' | 'drop'>('restart', 'silence', 'hide', 'drop'), pod)
    .map(([what, index]): Happening => ({ do: what, pod: index })),
  fc.constant<Happening>({ do: 'forget' }),
)

/** Plays it; gives what was really counted from the first look on, and what the ledger has added up. */
async function play(happenings: readonly Happening[]) {
  const said = new Said()
  const real: Record<string, { requests: number; failures: number }> = {}
  const found: typeof real = {}
  const add = (to: typeof real, version: string, requests: number, failures: number) => {
    const sum = (to[version] ??= { requests: 0, failures: 0 })
    sum.requests += requests
    sum.failures += failures
  }
  let boots = 0
  const newPod = (): { boot: string; arms: Record<string, ArmCounters>; isSilent: boolean; isHidden: boolean } => ({
    boot: String(boots++),
    arms: {},
    isSilent: false,
    isHidden: false,
  })
  const pods = Array.from({ length: PODS }, newPod)
  const lookAt = async () => {
    pods.forEach(({ boot, arms, isSilent }, index) => {
      said.say(String(index), isSilent ? new Error('no answer') : { boot, arms: structuredClone(arms) })
    })
    const seen = pods.flatMap(({ isHidden }, index) => (isHidden ? [] : [podOf(String(index))]))
    const { arms } = await said.collect(seen)
    for (const one of pods) one.isSilent = one.isHidden = false
    for (const [version, { requests, failures, reasons }] of Object.entries(arms)) {
      expect(failures).toBeLessThanOrEqual(requests)
      expect(Object.values(reasons).reduce((sum, one) => sum + one, 0)).toBe(failures)
      add(found, version, requests, failures)
    }
  }
  await lookAt()
  for (const happening of [...happenings, { do: 'look' } as const]) {
    const one = 'pod' in happening ? pods[happening.pod] : undefined
    if (happening.do === 'look') await lookAt()
    else if (happening.do === 'forget') said.ledger.forget(MODEL)
    else if (one && happening.do === 'count') {
      const { version, requests } = happening
      const failures = Math.floor(requests * happening.failing)
      const [kind] = FAILURE_KINDS
      const arm = (one.arms[version] ??= armOf(0))
      arm.requests += requests
      arm.failures += failures
      if (failures > 0) arm.reasons[kind] = (arm.reasons[kind] ?? 0) + failures
      add(real, version, requests, failures)
    } else if (one && happening.do === 'restart') Object.assign(one, { boot: String(boots++), arms: {} })
    else if (one && happening.do === 'silence') one.isSilent = true
    else if (one && happening.do === 'hide') one.isHidden = true
    else if (one) one.arms = {}
  }
  return { real, found }
}

test('never more is added up than was really counted, whatever happens to pods', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 4, arbitrary: count }, { weight: 2, arbitrary: look }, trouble), {
        maxLength: 60,
        size: 'max',
      }),
      async (happenings) => {
        const { real, found } = await play(happenings)
        for (const [version, sum] of Object.entries(found)) {
          expect(sum.requests).toBeLessThanOrEqual(real[version]?.requests ?? 0)
          expect(sum.failures).toBeLessThanOrEqual(real[version]?.failures ?? 0)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('exactly what was counted is added up where no pod restarts, hides or drops anything, silent or not', async () => {
  const silence = pod.map((index): Happening => ({ do: 'silence', pod: index }))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(count, look, silence), { maxLength: 60, size: 'max' }), async (happenings) => {
      const { real, found } = await play([...happenings, { do: 'look' }])
      const requests = Object.values(real).reduce((sum, one) => sum + one.requests, 0)
      expect(requests === 0 ? {} : found).toEqual(requests === 0 ? {} : real)
    }),
    { numRuns: 200 },
  )
})
