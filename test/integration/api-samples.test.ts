import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { parseSentimentModel, type SentimentModelStatus } from '../../operator/api/v1alpha1/sentiment-model.ts'
import type { ModelVersionStatus } from '../../operator/api/v1alpha1/model-version.ts'
import { clusterBin } from './support/api-server.ts'
import { connect, type ApiConnection } from './support/custom-resources.ts'

const namespace = 'api-samples'
const samples = join(import.meta.dirname, '..', '..', 'samples')
const run = promisify(execFile)
const kubectl = async (...args: string[]) =>
  (await run(join(clusterBin(), 'kubectl'), ['--kubeconfig', inject('kubeconfig'), '--namespace', namespace, ...args]))
    .stdout
/** Without the line breaks that kubectl puts in. */
const explain = async (field: string) => (await kubectl('explain', field)).replaceAll(/\s+/g, ' ')

let api: ApiConnection
beforeAll(async () => {
  api = await connect()
  await api.installCrds()
  await api.createNamespace(namespace)
})
afterAll(() => api.close())

describe('each sample', async () => {
  test.each(await readdir(samples))('%s is accepted by kubectl apply', async (file) => {
    expect(await kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', join(samples, file))).toMatch(
      /^sentimentmodel\.valence\.dev\/\S+ created \(server dry run\)\n$/,
    )
  })

  test.each(await readdir(samples))('%s means the same to the API server and to the operator', async (file) => {
    const raw = parse(await readFile(join(samples, file), 'utf8')) as { metadata: object }
    const { body } = await api.create(namespace, 'sentimentmodels', raw, true)
    const parsed = parseSentimentModel({ ...raw, metadata: { ...raw.metadata, namespace } })
    expect(parsed).toMatchObject({ ok: true, value: { spec: body['spec'] } })
    expect(parsed.ok && parsed.value.spec).toEqual(body['spec'])
    expect(parseSentimentModel(body)).toMatchObject({ ok: true })
  })
})

test('the CRDs are structural and in force', async () => {
  for (const plural of ['sentimentmodels', 'modelversions']) {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.valence.dev`
    const status = (await api.get(path)).body['status'] as { conditions: { type: string; status: string }[] }
    const types = status.conditions.filter((condition) => condition.status === 'True').map(({ type }) => type)
    expect(types.sort()).toEqual(['Established', 'NamesAccepted'])
  }
})

test('kubectl explain says of training what it does, what is required and what a version is', async () => {
  const text = await explain('sm.spec.source.train')
  expect(text).toContain('Fine-tunes a pretrained model on labelled rows')
  expect(text).toContain('part of the identity of a version')
  expect(text).toContain('dataset <Object> -required-')
  expect(text).toContain('hyperparameters <Object> How the optimizer learns.')
})

test('kubectl explain gives choices and describes the fields of both resources', async () => {
  expect(await explain('sm.spec.gates.mode')).toContain('ENUM: Enforce Observe')
  expect(await explain('sm.spec.rollout.steps')).toContain('traffic moves in one switch')
  for (const resource of ['sm', 'mv']) {
    for (const part of ['spec', 'status']) {
      expect(await kubectl('explain', `${resource}.${part}`)).not.toContain('<no description>')
    }
  }
})

test('the short names, the category and the columns show where things are', async () => {
  const labels = ['negative', 'positive']
  const source = { import: { uri: 'pvc://data/model' } }
  const apiVersion = 'valence.dev/v1alpha1'
  const version = 'columns-0123456789'
  await api.create(namespace, 'sentimentmodels', {
    apiVersion,
    kind: 'SentimentModel',
    metadata: { name: 'columns' },
    spec: { labels, source },
  })
  await api.create(namespace, 'modelversions', {
    apiVersion,
    kind: 'ModelVersion',
    metadata: { name: version },
    spec: { model: 'columns', labels, source },
  })
  const modelStatus: SentimentModelStatus = {
    observedGeneration: 1,
    phase: 'Training',
    stable: {
      version,
      digest: `sha256:${'0'.repeat(64)}`,
      precision: 'int8',
      accuracy: 0.8923,
      replicas: 1,
      readyReplicas: 1,
    },
    candidate: { version: 'columns-abcdef0123', phase: 'Training' },
    weight: 5,
    verdict: 'Hold',
    rollout: {
      version: 'columns-abcdef0123',
      from: version,
      phase: 'Stepping',
      reason: 'StepStarted',
      message: 'step 1 of 2: 5 % of the requests',
      startedAt: '2026-01-01T00:00:00Z',
      step: 1,
      weight: 5,
      windows: [{ perMille: 50, candidate: { requests: 50, failures: 1 }, stable: { requests: 950, failures: 10 } }],
      failures: { timeout: 1 },
      verdict: {
        verdict: 'Hold',
        reason: 'TooFewRequests',
        message: '50 of at least 500 requests',
        eValues: { harm: 0.9, ratio: 1.1, rate: 1.2 },
      },
    },
    training: { version: 'columns-abcdef0123', attempt: 1, progress: 0.25, message: 'step 10 of 40' },
    blocked: { reason: 'Unschedulable', object: 'Pod/x', message: 'no node has a GPU', since: '2026-01-01T00:00:00Z' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'Serving',
        message: 'It serves.',
      },
    ],
  }
  const attempt = { kind: 'train' as const, inputHash: '0'.repeat(10), startedAt: '2026-01-01T00:00:00Z' }
  const versionStatus: ModelVersionStatus = {
    phase: 'Accepted',
    accuracy: 0.8923,
    precision: 'int8',
    attempts: [
      {
        ...attempt,
        number: 1,
        job: `${version}-train-1`,
        result: 'Failed',
        reason: 'OutOfMemory',
        message: 'it was killed',
      },
      { ...attempt, number: 2, job: `${version}-train-2`, result: 'Succeeded' },
    ],
  }
  const written = [
    await api.patch(namespace, 'sentimentmodels', 'columns', { status: modelStatus }, '/status'),
    await api.patch(namespace, 'modelversions', version, { status: versionStatus }, '/status'),
  ]
  expect(written.map(({ status, body }) => [status, body['status']])).toEqual([
    [200, modelStatus],
    [200, versionStatus],
  ])
  const table = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/))
  expect(table(await kubectl('get', 'sm'))).toEqual([
    ['NAME', 'PHASE', 'STABLE', 'CANDIDATE', 'WEIGHT', 'VERDICT', 'ACCURACY', 'TRAINING', 'AGE'],
    ['columns', 'Training', version, 'columns-abcdef0123', '5', 'Hold', '0.8923', '0.25', expect.any(String)],
  ])
  expect(await kubectl('get', 'sm', '--output', 'wide')).toContain('Unschedulable')
  expect(table(await kubectl('get', 'mv'))).toEqual([
    ['NAME', 'MODEL', 'PHASE', 'ACCURACY', 'PRECISION', 'ATTEMPT', 'AGE'],
    [version, 'columns', 'Accepted', '0.8923', 'int8', '2', expect.any(String)],
  ])
  expect((await kubectl('get', 'valence', '--output', 'name')).trim().split('\n').sort()).toEqual([
    `modelversion.valence.dev/${version}`,
    'sentimentmodel.valence.dev/columns',
  ])
  expect(await kubectl('wait', '--for=condition=Ready', 'sm/columns', '--timeout=5s')).toContain('condition met')
})

test('an attempt is in the ledger once', async () => {
  const attempt = { kind: 'train', number: 1, job: 'j', inputHash: 'h', startedAt: '2026-01-01T00:00:00Z' }
  const { status, body } = await api.patch(
    namespace,
    'modelversions',
    'columns-0123456789',
    { status: { attempts: [attempt, attempt] } },
    '/status',
  )
  expect([status, body.message]).toEqual([422, expect.stringContaining('status.attempts[1]: Duplicate value')])
})
