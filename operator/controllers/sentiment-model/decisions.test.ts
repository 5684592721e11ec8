import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DECISION_FILE } from '../../../contract/decision.ts'
import { buildDecision, decisionName, readDecisions } from '../../builders/decision.ts'
import { ObjectStore } from '../../kube/cache.ts'
import { createKubeClient, type KubeClient } from '../../kube/client.ts'
import { connect, type Connection } from '../../kube/connection.ts'
import { createKubeMetrics } from '../../kube/metrics.ts'
import { configMaps, type ConfigMap } from '../../kube/resource.ts'
import { FakeApiServer } from '../../kube/testing/fake-api-server.ts'
import { createTransport } from '../../kube/transport.ts'
import { decisionHash, type DecisionContent } from '../../plan/rollout/decision.ts'
import { Canary, NEW } from '../../plan/rollout/testing/canary.ts'
import { modelObserved, modelOf } from '../../plan/testing/factories.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { OperatorContext } from '../context.ts'
import { sentimentModels } from '../resources.ts'
import { recordDecision } from './decisions.ts'
import type { Gathered } from './gather.ts'

const NAMESPACE = 'shop'
const signal = AbortSignal.timeout(60_000)

let server: FakeApiServer
let connection: Connection
let client: KubeClient
let live: Gathered['live']
let cache: ObjectStore<ConfigMap>

beforeEach(async () => {
  server = new FakeApiServer()
  const { config } = await server.start()
  connection = connect({ load: () => config, clock: systemClock })
  const metrics = createKubeMetrics(new Registry())
  client = createKubeClient({
    transport: createTransport({ connection, clock: systemClock, metrics, userAgent: 'test' }),
  })
  live = await client.create(sentimentModels, modelOf())
  cache = new ObjectStore()
})
afterEach(async () => {
  await connection.close()
  await server.stop()
})

const aborted = (() => {
  const canary = new Canary()
  canary.until('stepping', () => canary.rollout?.phase === 'Stepping')
  canary.annotate('abort', NEW)
  const [content] = canary.look().decisions
  if (!content) throw new Error('there is no decision')
  return content
})()
/** The same of another rollout. */
const another = (index: number): DecisionContent => ({ ...aborted, startedAt: `start ${index}` })

const record = (content: DecisionContent) => {
  const context = { client, caches: () => ({ configMaps: cache }) } as unknown as OperatorContext
  return recordDecision(context, { live, observed: modelObserved({ model: live }) }, content, signal)
}

async function kept() {
  const { items } = await client.list(configMaps, { namespace: NAMESPACE })
  return readDecisions(items)
}

describe('a decision', () => {
  test('is written as an immutable object of the model, with its number, the operator and no predecessor', async () => {
    await record(aborted)
    const [found] = await kept()
    expect(found?.decision).toMatchObject({
      number: 1,
      kind: 'Abort',
      by: expect.stringContaining('kubectl') as string,
    })
    expect(found?.decision).not.toHaveProperty('previous')
    expect(await client.get(configMaps, NAMESPACE, decisionName('reviews', 1))).toMatchObject({
      immutable: true,
      metadata: { ownerReferences: [{ uid: live.metadata.uid, controller: true }] },
    })
  })

  test('is written once, also where the operator died before its status was', async () => {
    await record(aborted)
    await record({ ...aborted, time: 'later', message: 'in other words' })
    expect(await kept()).toHaveLength(1)
  })

  test('names the hash of the one before', async () => {
    for (let index = 0; index < 3; index++) await record(another(index))
    const found = await kept()
    expect(found.map(({ decision }) => decision.number)).toEqual([1, 2, 3])
    expect(found.map(({ decision }) => decision.previous)).toEqual([
      undefined,
      decisionHash(found[0]?.text ?? ''),
      decisionHash(found[1]?.text ?? ''),
    ])
  })

  test('is not lost where a record of another release, which can not be read, has the next number', async () => {
    await record(another(0))
    const [first] = await kept()
    if (!first) throw new Error('there is no record')
    const unreadable = buildDecision(live, { ...first.decision, number: 2 })
    const newer = { ...unreadable, data: { [DECISION_FILE]: '{"schemaVersion":2}' } }
    cache.observeWrite(await client.create(configMaps, newer))
    await record(another(1))
    expect((await kept()).map(({ decision }) => [decision.number, decision.startedAt])).toEqual([
      [1, 'start 0'],
      [3, 'start 1'],
    ])
  })

  test('is kept among the last fifty, and the oldest go', async () => {
    for (let index = 1; index <= 53; index++) await record(another(index))
    const numbers = (await kept()).map(({ decision }) => decision.number)
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([50, 4, 53])
  })

  test('does not make others go where the model is going itself', async () => {
    for (let index = 1; index <= 50; index++) await record(another(index))
    await client.delete(sentimentModels, NAMESPACE, 'reviews', { preconditions: { uid: live.metadata.uid } })
    await record(another(51))
    expect(await kept()).toHaveLength(51)
  })
})
