import fc from 'fast-check'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { evidence, FAILURE_KINDS, LATENCY_BOUNDS_MS } from '../../contract/evidence.ts'
import { routing } from '../../contract/routing.ts'
import { createMetrics } from '../metrics.ts'
import { createEvidenceKeeper, type Observed } from './evidence.ts'
import type { KnownRouting } from './who-answers.ts'

const file = routing.parse({
  epoch: 7,
  stable: 'old',
  candidate: 'new',
  endpoints: { old: 'http://o', new: 'http://n' },
})
const digest = `sha256:${'0'.repeat(64)}`

function keeper(known: () => KnownRouting = () => file) {
  const registry = new Registry()
  const kept = createEvidenceKeeper({ version: 'old', digest, routing: known, metrics: createMetrics(registry) })
  const record = (more: Partial<Observed> = {}) =>
    kept.record({
      chosenBy: 'split',
      version: 'new',
      outcome: 'answered',
      elapsedMs: 3,
      slowAfterMs: Infinity,
      ...more,
    })
  return { ...kept, record, registry }
}

describe('evidence', () => {
  test('says who speaks, since when, and by which routing file', () => {
    expect(evidence.parse(keeper().snapshot())).toMatchObject({ epoch: 7, version: 'old', digest, arms: {} })
    expect(keeper(() => undefined).snapshot().epoch).toBe(-1)
    expect(keeper(() => 'unread').snapshot().epoch).toBe(-1)
    expect(keeper().snapshot().boot).not.toBe(keeper().snapshot().boot)
  })

  test('a failure is one request and one reason', () => {
    const { record, snapshot } = keeper()
    record()
    for (const outcome of FAILURE_KINDS) record({ outcome })
    expect(snapshot().arms['new']).toMatchObject({
      requests: FAILURE_KINDS.length + 1,
      failures: FAILURE_KINDS.length,
      reasons: Object.fromEntries(FAILURE_KINDS.map((kind) => [kind, 1])),
    })
  })

  test('an answer that came too late is slow, and one that failed late is what it failed by', () => {
    const { record, snapshot } = keeper()
    record({ elapsedMs: 250, slowAfterMs: 250 })
    record({ elapsedMs: 251, slowAfterMs: 250 })
    record({ elapsedMs: 900, slowAfterMs: 250, outcome: 'timeout' })
    expect(snapshot().arms['new']).toMatchObject({ requests: 3, failures: 2, reasons: { slow: 1, timeout: 1 } })
  })

  test('bad input is no request, and a caller that leaves is a failure, however long it had waited', () => {
    const { record, snapshot } = keeper()
    record({ outcome: 'badInput' })
    expect(snapshot().arms).toEqual({})
    record({ outcome: 'abandoned', elapsedMs: 1, slowAfterMs: 250 })
    record({ outcome: 'abandoned', elapsedMs: 300, slowAfterMs: 250 })
    expect(snapshot().arms['new']).toMatchObject({ requests: 2, failures: 2, reasons: { abandoned: 2 } })
  })

  test('a kind of failure that only a later release knows is read, and does not take the whole pod out', () => {
    const { record, snapshot } = keeper()
    record({ outcome: 'error' })
    const said = JSON.parse(JSON.stringify(snapshot()).replace('"error"', '"haunted"')) as unknown
    expect(evidence.parse(said).arms['new']?.reasons).toEqual({ haunted: 1 })
  })

  test('what the caller chose is no part of the arms, and what nobody chose is not counted', () => {
    const { record, snapshot } = keeper()
    record({ chosenBy: 'name' })
    record({ chosenBy: 'name', outcome: 'error' })
    record({ chosenBy: 'nothing' })
    expect(snapshot()).toMatchObject({ arms: {}, forced: { new: { requests: 2, failures: 1 } } })
  })

  test('the histogram adds up to the requests, and a latency on a bound belongs below it', () => {
    const { record, snapshot } = keeper()
    for (const elapsedMs of [...LATENCY_BOUNDS_MS, 60_000]) record({ elapsedMs })
    expect(snapshot().arms['new']?.latency).toEqual([...LATENCY_BOUNDS_MS, 60_000].map(() => 1))
  })

  test('whatever happens, the sums hold, and Prometheus is told the same', async () => {
    const outcome = fc.constantFrom<Observed['outcome'][]>('answered', 'badInput', ...FAILURE_KINDS)
    const observed = fc.record({
      version: fc.constantFrom('old', 'new'),
      outcome,
      elapsedMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
      slowAfterMs: fc.constantFrom(250, Infinity),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(observed), async (requests) => {
        const { record, snapshot, registry } = keeper()
        for (const request of requests) record(request)
        const text = await registry.metrics()
        const { arms } = evidence.parse(snapshot())
        for (const [version, arm] of Object.entries(arms)) {
          const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
          expect(sum(arm.latency)).toBe(arm.requests)
          expect(sum(Object.values(arm.reasons))).toBe(arm.failures)
          expect(arm.failures).toBeLessThanOrEqual(arm.requests)
          expect(text).toContain(`valence_arm_requests_total{version="${version}"} ${arm.requests}`)
          expect(text).toContain(`valence_arm_duration_seconds_count{version="${version}"} ${arm.requests}`)
          for (const [kind, count] of Object.entries(arm.reasons)) {
            expect(text).toContain(`valence_arm_failures_total{version="${version}",kind="${kind}"} ${count}`)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('a snapshot does not change under who reads it', () => {
    const { record, snapshot } = keeper()
    record()
    const before = snapshot()
    record()
    expect(before.arms['new']?.requests).toBe(1)
    expect(snapshot().boot).toBe(before.boot)
  })

  test('of the shadow: samples, disagreements with their direction, distances, and what gave no sample', async () => {
    const { recordShadow, snapshot, registry } = keeper()
    recordShadow('new', {
      kind: 'compared',
      comparisons: [
        { direction: 'same', distance: 0.25 },
        { direction: 'negToPos', distance: 0.5 },
        { direction: 'posToNeg', distance: 1 },
      ],
    })
    recordShadow('new', { kind: 'failed' })
    recordShadow('new', { kind: 'dropped' })
    expect(evidence.parse(snapshot()).shadow['new']).toEqual({
      samples: 3,
      disagreements: 2,
      negToPos: 1,
      posToNeg: 1,
      distance: 1.75,
      failures: 1,
      dropped: 1,
    })
    const text = await registry.metrics()
    expect(text).toContain('valence_shadow_texts_total{version="new",label="other"} 2')
    expect(text).toContain('valence_shadow_requests_total{version="new",outcome="dropped"} 1')
  })

  test('versions that the routing file has forgotten are kept for a while, and never crowd out those in use', () => {
    const { record, snapshot } = keeper()
    record({ version: 'old' })
    record({ version: 'new' })
    for (let index = 0; index < 14; index++) record({ version: `gone-${index}` })
    expect(Object.keys(snapshot().arms)).toHaveLength(16)
    for (let index = 14; index < 40; index++) record({ version: `gone-${index}` })
    const held = Object.keys(snapshot().arms)
    expect(held).toHaveLength(16)
    expect(held).toEqual(expect.arrayContaining(['old', 'new', 'gone-39']))
    expect(held).not.toContain('gone-0')
  })
})
