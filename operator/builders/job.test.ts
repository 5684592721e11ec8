import { describe, expect, test } from 'vitest'
import { evaluatorSpec, trainerSpec } from '../../contract/job-spec.ts'
import { ARTIFACT, DIGEST, modelOf, trainSource, versionOf } from '../plan/testing/factories.ts'
import { shortHash } from '../plan/canonical-json.ts'
import { buildJob, type JobInput } from './job.ts'

function jobFor(stage: JobInput['stage'], change: object = {}, more: Partial<JobInput> = {}) {
  const model = modelOf({ ...change })
  return buildJob({
    version: versionOf(model, { artifact: ARTIFACT }),
    spec: model.spec,
    stage,
    attempt: 2,
    name: `reviews-x-${stage}-2`,
    inputHash: 'hash',
    image: `${stage}:1`,
    imagePullPolicy: 'IfNotPresent',
    claimName: 'reviews-artifacts',
    ...more,
  })
}
/** Claims may have names that a volume can't. */
const volumeOf = (claim: string) => `claim-${shortHash(claim)}`
const podOf = (job: ReturnType<typeof jobFor>) => job.spec?.template.spec
const containerOf = (job: ReturnType<typeof jobFor>) => podOf(job)?.containers[0]
const specArgument = (job: ReturnType<typeof jobFor>) => {
  const args = containerOf(job)?.args ?? []
  return JSON.parse(args[args.indexOf('--spec') + 1] ?? '') as unknown
}

const model = modelOf()
const version = versionOf(model)
const { name } = version.metadata
const labels = {
  'app.kubernetes.io/managed-by': 'valence',
  'app.kubernetes.io/name': 'valence',
  'app.kubernetes.io/component': 'trainer',
  'valence.dev/model': 'reviews',
  'valence.dev/version': name,
  'valence.dev/stage': 'train',
  'valence.dev/attempt': '2',
}

test('a training Job, as a whole', () => {
  const job = jobFor('train')
  const container = containerOf(job)
  expect({ ...job, spec: { ...job.spec, template: undefined } }).toEqual({
    metadata: {
      name: 'reviews-x-train-2',
      namespace: 'shop',
      labels,
      annotations: { 'valence.dev/input-hash': 'hash', 'valence.dev/image': 'train:1' },
      ownerReferences: [
        {
          apiVersion: 'valence.dev/v1alpha1',
          kind: 'ModelVersion',
          name,
          uid: `uid-of-${name}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onExitCodes: { containerName: 'trainer', operator: 'In', values: [3] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
    },
  })
  expect(job.spec?.template.metadata).toEqual({ labels })
  expect({ ...podOf(job), containers: undefined }).toEqual({
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'valence.dev/model': 'reviews' } } },
        ],
      },
    },
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    restartPolicy: 'Never',
    activeDeadlineSeconds: 21_600,
    volumes: [
      { name: 'artifacts', persistentVolumeClaim: { claimName: 'reviews-artifacts' } },
      { name: 'scratch', emptyDir: {} },
      { name: volumeOf('data'), persistentVolumeClaim: { claimName: 'data', readOnly: true } },
    ],
  })
  expect({ ...container, args: container?.args?.map((arg) => (arg.startsWith('{') ? '<spec>' : arg)) }).toEqual({
    name: 'trainer',
    image: 'train:1',
    imagePullPolicy: 'IfNotPresent',
    args: ['train', '--spec', '<spec>', '--out', '/var/lib/valence/artifacts'],
    env: [],
    ports: [{ name: 'metrics', containerPort: 8001 }],
    resources: { requests: { cpu: '1', memory: '2Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'artifacts', mountPath: '/var/lib/valence/artifacts' },
      { name: 'scratch', mountPath: '/tmp' },
      { name: volumeOf('data'), mountPath: '/var/lib/valence/claims/data', readOnly: true },
    ],
  })
})

describe('what the trainer is told', () => {
  test('is the whole recipe, in the words of the contract', () => {
    const spec = specArgument(jobFor('train'))
    expect(trainerSpec.safeParse(spec)).toMatchObject({ success: true })
    expect(spec).toEqual({
      schemaVersion: 1,
      version: name,
      labels: ['negative', 'positive'],
      source: { train: model.spec.source.train },
      image: 'train:1',
    })
  })

  test('is nothing of the retrainToken, which only names the version', () => {
    const spec = specArgument(jobFor('train', trainSource({ retrainToken: 'monday' })))
    expect(trainerSpec.safeParse(spec)).toMatchObject({ success: true })
    expect(JSON.stringify(spec)).not.toContain('monday')
  })

  test('are the rows to measure on, where the model names some', () => {
    const gates = { evaluation: { dataset: { uri: 'pvc://tests/rows.tsv' } } }
    const job = jobFor('train', { gates })
    expect(trainerSpec.parse(specArgument(job)).evaluation).toMatchObject({
      uri: 'pvc://tests/rows.tsv',
      split: 'test',
    })
    expect(podOf(job)?.volumes?.map((volume) => volume.name)).toEqual([
      'artifacts',
      'scratch',
      volumeOf('data'),
      volumeOf('tests'),
    ])
  })

  test('is where the finished checkpoint of an import is', () => {
    const job = jobFor('train', { source: { import: { uri: 'pvc://models.v1/naive', maxLength: 128 } } })
    expect(specArgument(job)).toMatchObject({ source: { import: { uri: 'pvc://models.v1/naive', maxLength: 128 } } })
    expect(containerOf(job)?.volumeMounts?.at(-1)).toEqual({
      name: volumeOf('models.v1'),
      mountPath: '/var/lib/valence/claims/models.v1',
      readOnly: true,
    })
  })
})

test('an evaluation Job runs the server image on the very artifact, without GPU, token or inputs', () => {
  const job = jobFor('evaluate', { job: { gpu: 1, runtimeClassName: 'nvidia', tokenSecretRef: { name: 'hub' } } })
  const container = containerOf(job)
  expect(container?.command).toEqual(['node', 'dist/server/evaluate.js'])
  expect(container?.args?.slice(0, 3)).toEqual(['--artifact', `/var/lib/valence/artifacts/${name}`, '--spec'])
  expect(evaluatorSpec.parse(specArgument(job))).toEqual({
    schemaVersion: 1,
    version: name,
    attempt: 2,
    manifestSha256: DIGEST,
  })
  expect(container).toMatchObject({ name: 'evaluator', image: 'evaluate:1', env: [], ports: [] })
  expect(container?.resources).toEqual({
    requests: { cpu: '500m', memory: '512Mi' },
    limits: { cpu: '2', memory: '2Gi' },
  })
  expect(podOf(job)?.runtimeClassName).toBeUndefined()
  expect(podOf(job)?.volumes?.map((volume) => volume.name)).toEqual(['artifacts', 'scratch'])
})

test('an evaluation that compares is told which stable artifact it is, and needs no other volume for it', () => {
  const against = {
    version: 'reviews-0123456789',
    manifestSha256: `sha256:${'b'.repeat(64)}`,
    precision: 'int8',
  } as const
  const job = jobFor('evaluate', {}, { against })
  const artifacts = '/var/lib/valence/artifacts'
  expect(containerOf(job)?.args?.slice(0, 5)).toEqual([
    ...['--artifact', `${artifacts}/${name}`],
    ...['--against', `${artifacts}/reviews-0123456789`],
    '--spec',
  ])
  expect(evaluatorSpec.parse(specArgument(job))).toMatchObject({ version: name, manifestSha256: DIGEST, against })
  expect(podOf(job)).toEqual({ ...podOf(jobFor('evaluate')), containers: [containerOf(job)] })
})

test('nothing is evaluated but an artifact of a known digest', () => {
  expect(() => jobFor('evaluate', {}, { version })).toThrow(`${name} has no artifact that could be evaluated`)
})

describe('how it is run', () => {
  test('GPUs are limits beside the resources that the user gives', () => {
    const job = jobFor('train', { job: { gpu: 2, resources: { limits: { memory: '16Gi' } } } })
    expect(containerOf(job)?.resources).toEqual({
      requests: { cpu: '1' },
      limits: { 'nvidia.com/gpu': '2', memory: '16Gi' },
    })
  })

  test('placement, priority, mirror and token reach the pod', () => {
    const job = jobFor('train', {
      job: {
        nodeSelector: { gpu: 'yes' },
        tolerations: [{ key: 'gpu', operator: 'Exists' }],
        priorityClassName: 'low',
        runtimeClassName: 'nvidia',
        hubEndpoint: 'https://mirror.example',
        tokenSecretRef: { name: 'hub' },
      },
    })
    expect(podOf(job)).toMatchObject({
      nodeSelector: { gpu: 'yes' },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
      priorityClassName: 'low',
      runtimeClassName: 'nvidia',
    })
    expect(containerOf(job)?.env).toEqual([
      { name: 'HF_ENDPOINT', value: 'https://mirror.example' },
      { name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } } },
    ])
  })

  test('data on the very claim of the artifacts is mounted from the one volume', () => {
    const job = jobFor('train', {}, { claimName: 'data' })
    expect(podOf(job)?.volumes?.map((volume) => volume.name)).toEqual(['artifacts', 'scratch'])
    expect(containerOf(job)?.volumeMounts?.at(-1)).toEqual({
      name: 'artifacts',
      mountPath: '/var/lib/valence/claims/data',
      readOnly: true,
    })
  })
})
