/** Observations for tests: each factory gives a plain, valid one, and takes what the test is about. */
import type { EvaluationSummary } from '../../../contract/termination.ts'
import type { ModelVersion, ModelVersionStatus } from '../../api/v1alpha1/model-version.ts'
import {
  parseSentimentModel,
  type SentimentModel,
  type SentimentModelStatus,
} from '../../api/v1alpha1/sentiment-model.ts'
import { isoTime } from '../conditions.ts'
import { desiredVersion } from '../identity.ts'
import type { ModelObserved, Serving } from '../model-observed.ts'
import {
  STAGE_CONTAINERS,
  type ContainerObservation,
  type JobObservation,
  type PodObservation,
  type Stage,
  type Termination,
} from '../observed.ts'
import { inputHash, jobName, type VersionObserved } from '../version.ts'

export const NOW = Date.parse('2030-01-01T00:00:00Z')
export const MODEL = 'reviews'
export const DIGEST = `sha256:${'a'.repeat(64)}`
export const IMAGES = { trainer: 'trainer:1', server: 'server:1' }

type Json = Record<string, unknown>

/** `change` replaces whole fields of the shortest valid spec. */
export function modelOf(change: Json = {}, more: { status?: SentimentModelStatus; generation?: number } = {}) {
  const parsed = parseSentimentModel({
    apiVersion: 'valence.dev/v1alpha1',
    kind: 'SentimentModel',
    metadata: { name: MODEL, namespace: 'shop', uid: 'model-uid', generation: more.generation ?? 1 },
    spec: {
      labels: ['negative', 'positive'],
      source: { train: { baseModel: { uri: 'hf://a/b' }, dataset: { uri: 'pvc://data/reviews' } } },
      ...change,
    },
    ...(more.status && { status: more.status }),
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return parsed.value
}

/** A train source with these hyperparameters or other fields of `train`. */
export const trainSource = (train: Json = {}) => ({
  source: { train: { baseModel: { uri: 'hf://a/b' }, dataset: { uri: 'pvc://data/reviews' }, ...train } },
})

export function versionOf(model: SentimentModel, status?: ModelVersionStatus, createdAt = NOW): ModelVersion {
  const { name, spec } = desiredVersion(model.metadata.name, model.spec)
  return {
    apiVersion: 'valence.dev/v1alpha1',
    kind: 'ModelVersion',
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-of-${name}`,
      generation: 1,
      creationTimestamp: isoTime(createdAt),
    },
    spec,
    ...(status && { status }),
  }
}

export const ARTIFACT = { claimName: `${MODEL}-artifacts`, path: 'p', manifestSha256: DIGEST }

/** What the evaluator measured on a good model, whose int8 keeps its gates too. */
export const summaryOf = (change: Partial<EvaluationSummary> = {}): EvaluationSummary => ({
  manifestSha256: DIGEST,
  parity: { texts: 100, tokenMismatches: 0, maxLogitDifference: 1e-5, labelAgreement: 1 },
  rows: 1000,
  fp32: { accuracy: 0.89, macroF1: 0.88 },
  int8: { accuracy: 0.888, macroF1: 0.879 },
  int8Agreement: { labelAgreement: 0.99, maxLogitDifference: 0.1 },
  ...change,
})

export const acceptedStatus = (change: ModelVersionStatus = {}): ModelVersionStatus => ({
  phase: 'Accepted',
  artifact: ARTIFACT,
  evaluation: { report: 'evaluation-1.json', ...summaryOf() },
  precision: 'int8',
  accuracy: 0.888,
  gates: [],
  attempts: [],
  conditions: [
    {
      type: 'Accepted',
      status: 'True',
      reason: 'GatesPassed',
      message: 'accuracy 0.888',
      observedGeneration: 1,
      lastTransitionTime: isoTime(NOW),
    },
  ],
  ...change,
})

export const containerOf = (change: Partial<ContainerObservation> = {}): ContainerObservation => ({
  name: 'trainer',
  image: 'trainer:1',
  ready: false,
  restartCount: 0,
  ...change,
})

export const podOf = (change: Partial<PodObservation> = {}): PodObservation => ({
  name: 'pod-1',
  uid: 'pod-uid',
  phase: 'Running',
  createdAt: NOW,
  deleting: false,
  ready: false,
  containers: [containerOf()],
  ...change,
})

export const terminationOf = (change: Partial<Termination> = {}): Termination => ({
  reason: 'Completed',
  exitCode: 0,
  message: '',
  finishedAt: NOW,
  ...change,
})

export const endedPod = (end: Partial<Termination>, change: Partial<PodObservation> = {}): PodObservation =>
  podOf({
    phase: end.exitCode === undefined || end.exitCode === 0 ? 'Succeeded' : 'Failed',
    containers: [containerOf({ terminated: terminationOf(end) })],
    ...change,
  })

export const runningPod = (since = NOW): PodObservation => podOf({ containers: [containerOf({ runningSince: since })] })

export const TRAINED = JSON.stringify({ result: 'Succeeded', manifestSha256: DIGEST, metrics: { accuracy: 0.9 } })
export const evaluated = (summary = summaryOf()) =>
  JSON.stringify({ result: 'Succeeded', report: 'evaluation-1.json', summary })
export const failedWith = (reason: string, message: string) => JSON.stringify({ result: 'Failed', reason, message })

/** Pods are written without regard to their stage; their container is that of the Job they are put into. */
export const inStage = (stage: Stage, pod: PodObservation): PodObservation => ({
  ...pod,
  containers: pod.containers.map((container) => ({ ...container, name: STAGE_CONTAINERS[stage] })),
})

export function jobOf<S extends Stage>(
  stage: S,
  attempt: number,
  change: Partial<JobObservation> = {},
  model = modelOf(),
): JobObservation & { stage: S } {
  const version = desiredVersion(model.metadata.name, model.spec).name
  const name = jobName(version, stage, attempt)
  return {
    name,
    uid: `uid-of-${name}`,
    attempt,
    createdAt: NOW,
    deleting: false,
    inputHash: inputHash(model.spec),
    image: stage === 'train' ? IMAGES.trainer : IMAGES.server,
    warnings: [],
    ...change,
    pods: (change.pods ?? []).map((pod) => inStage(stage, pod)),
    stage,
  }
}

export const succeededJob = <S extends Stage>(stage: S, attempt = 1, message?: string) =>
  jobOf(stage, attempt, {
    finished: { succeeded: true, reason: 'CompletionsReached', message: '', at: NOW },
    pods: [endedPod({ message: message ?? (stage === 'train' ? TRAINED : evaluated()) })],
  })

export const failedJob = <S extends Stage>(stage: S, attempt: number, pods: PodObservation[], at = NOW) =>
  jobOf(stage, attempt, {
    finished: { succeeded: false, reason: 'BackoffLimitExceeded', message: 'Job has reached its limit', at },
    pods,
  })

export function versionObserved(change: Partial<VersionObserved> = {}, status?: ModelVersionStatus): VersionObserved {
  const model = modelOf()
  return {
    version: versionOf(model, status),
    spec: model.spec,
    isWanted: true,
    jobs: [],
    images: IMAGES,
    claimName: `${MODEL}-artifacts`,
    ...change,
  }
}

export const servingOf = (version: string, change: Partial<Serving> = {}): Serving => ({
  version,
  isFullyReady: true,
  replicas: 1,
  readyReplicas: 1,
  pods: [],
  warnings: [],
  ...change,
})

export const modelObserved = (change: Partial<ModelObserved> & { model: SentimentModel }): ModelObserved => ({
  versions: [],
  stable: undefined,
  serving: [],
  served: change.serving?.map((serving) => serving.version) ?? [],
  routing: undefined,
  hasServiceMonitorApi: false,
  ...change,
})
