import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { EvaluatorSpec, TrainerSpecInput } from '../../contract/job-spec.ts'
import { EXIT_CODES, MOUNTS, PORTS } from '../../contract/names.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import type { Json } from '../kube/object.ts'
import type { Job } from '../kube/resource.ts'
import { shortHash } from '../plan/canonical-json.ts'
import { durationMs } from '../plan/duration.ts'
import { STAGE_CONTAINERS, type Stage } from '../plan/observed.ts'
import { ANNOTATIONS, LABELS, labelsOf, ownedBy, type Component } from './metadata.ts'
import {
  ARTIFACTS_VOLUME,
  containerSecurity,
  placementOf,
  sharedNodeOf,
  podDefaults,
  resourcesOf,
  scratchMount,
  scratchVolume,
  type Container,
  type PodSpec,
} from './pod.ts'

export interface JobInput {
  version: ModelVersion
  spec: SentimentModelSpec
  stage: Stage
  attempt: number
  name: string
  inputHash: string
  image: string
  imagePullPolicy: string
  claimName: string
  /** The stable version that an evaluation compares with. */
  against?: EvaluatorSpec['against']
}

/**
 * One attempt. A pod that is evicted or preempted is replaced within it and goes on from its checkpoint; any other failure ends it,
 * and the plan decides about the next attempt. Exit code 3 says that the same input fails again.
 */
export function buildJob(input: JobInput): Job {
  const { version, stage, attempt } = input
  const component = STAGE_CONTAINERS[stage]
  const labels = {
    ...labelsOf(version.spec.model, component, version.metadata.name),
    [LABELS.stage]: stage,
    [LABELS.attempt]: String(attempt),
  }
  return {
    metadata: {
      name: input.name,
      namespace: version.metadata.namespace,
      labels,
      annotations: { [ANNOTATIONS.inputHash]: input.inputHash, [ANNOTATIONS.image]: input.image },
      ownerReferences: ownedBy(version),
    },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          {
            action: 'FailJob',
            onExitCodes: { containerName: component, operator: 'In', values: [EXIT_CODES.invalid] },
          },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(input, component) },
    },
  }
}

function podSpec(input: JobInput, component: Component): PodSpec {
  const { spec, stage } = input
  const { priorityClassName, runtimeClassName } = spec.job
  const claims = stage === 'train' ? claimsOf(input.version) : []
  return {
    ...podDefaults,
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.ceil(durationMs(spec.job.deadlines.active) / 1000),
    ...placementOf(spec.job),
    ...sharedNodeOf(input.version.spec.model, spec.storage),
    ...(priorityClassName !== undefined && { priorityClassName }),
    // GPUs are for training; the evaluator measures on the CPU that serves.
    ...(stage === 'train' && runtimeClassName !== undefined && { runtimeClassName }),
    containers: [container(input, component, claims)],
    volumes: [
      { name: ARTIFACTS_VOLUME, persistentVolumeClaim: { claimName: input.claimName } },
      scratchVolume,
      ...claims.filter((claim) => claim !== input.claimName).map(claimVolume),
    ] satisfies Json<V1Volume>[],
  }
}

function container(input: JobInput, component: Component, claims: readonly string[]): Container {
  const { stage, spec } = input
  return {
    name: component,
    image: input.image,
    imagePullPolicy: input.imagePullPolicy,
    ...(stage === 'train' ? trainCommand(input) : evaluateCommand(input)),
    env: stage === 'train' ? hubEnvironment(spec) : [],
    ports: stage === 'train' ? [{ name: 'metrics', containerPort: PORTS.metrics }] : [],
    resources: stage === 'train' ? trainResources(spec) : resourcesOf(spec.serving.resources, EVALUATOR_RESOURCES),
    securityContext: containerSecurity,
    volumeMounts: [
      { name: ARTIFACTS_VOLUME, mountPath: MOUNTS.artifacts },
      scratchMount,
      ...claims.map((claim) => ({
        name: claim === input.claimName ? ARTIFACTS_VOLUME : claimVolume(claim).name,
        mountPath: `${MOUNTS.claims}/${claim}`,
        readOnly: true,
      })),
    ] satisfies Json<V1VolumeMount>[],
  }
}

const EVALUATOR_RESOURCES = { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '2Gi' } }

function trainResources(spec: SentimentModelSpec): ReturnType<typeof resourcesOf> {
  const gpu = spec.job.gpu > 0 ? { limits: { 'nvidia.com/gpu': spec.job.gpu } } : {}
  return resourcesOf(spec.job.resources, { requests: { cpu: '1', memory: '2Gi' }, ...gpu })
}

function trainCommand({ version, image }: JobInput): { args: string[] } {
  const { labels, source, evaluation } = version.spec
  const spec: TrainerSpecInput = {
    schemaVersion: 1,
    version: version.metadata.name,
    labels,
    source: trainerSource(source),
    ...(evaluation && { evaluation: evaluation.dataset }),
    image,
  }
  return { args: ['train', '--spec', JSON.stringify(spec), '--out', MOUNTS.artifacts] }
}

/** retrainToken is part of the version's name and of nothing else: the trainer runs the same inputs again. */
function trainerSource({ train, import: finished }: ModelVersion['spec']['source']): TrainerSpecInput['source'] {
  if (train) {
    const { retrainToken: _token, ...inputs } = train
    return { train: inputs }
  }
  if (finished) return { import: finished }
  throw new TypeError('source has neither train nor import; the CRD refuses such an object')
}

function evaluateCommand({ version, attempt, against }: JobInput): { command: string[]; args: string[] } {
  const { name } = version.metadata
  const manifestSha256 = version.status?.artifact?.manifestSha256
  if (manifestSha256 === undefined) throw new TypeError(`${name} has no artifact that could be evaluated`)
  const spec: EvaluatorSpec = { schemaVersion: 1, version: name, attempt, manifestSha256, ...(against && { against }) }
  // All versions of a model are in the one claim that is mounted.
  const directory = (of: string) => `${MOUNTS.artifacts}/${of}`
  return {
    command: ['node', 'dist/server/evaluate.js'],
    args: [
      ...['--artifact', directory(name)],
      ...(against ? ['--against', directory(against.version)] : []),
      ...['--spec', JSON.stringify(spec)],
    ],
  }
}

function hubEnvironment({ job }: SentimentModelSpec): Json<V1EnvVar>[] {
  const token = job.tokenSecretRef
  return [
    ...(job.hubEndpoint === undefined ? [] : [{ name: 'HF_ENDPOINT', value: job.hubEndpoint }]),
    ...(token ? [{ name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: token.name, key: token.key } } }] : []),
  ]
}

/** The claims that the inputs of a version are read from: `pvc://<claim>/<path>`. */
function claimsOf({ spec }: ModelVersion): string[] {
  const { train, import: finished } = spec.source
  const uris = [train?.baseModel.uri, train?.dataset.uri, finished?.uri, spec.evaluation?.dataset.uri]
  const claims = uris.flatMap((uri) => /^pvc:\/\/([^/]+)\//.exec(uri ?? '')?.[1] ?? [])
  return [...new Set(claims)].sort()
}

const claimVolume = (claim: string) => ({
  // A claim's name may hold dots and be longer than a volume's.
  name: `claim-${shortHash(claim)}`,
  persistentVolumeClaim: { claimName: claim, readOnly: true },
})
