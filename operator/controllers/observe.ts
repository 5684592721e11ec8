/** From Kubernetes objects to the plain facts that plans are made of. */
import type { V1ContainerStatus } from '@kubernetes/client-node'
import { ANNOTATIONS, LABELS } from '../builders/metadata.ts'
import type { Json, Live } from '../kube/object.ts'
import type { Deployment, HorizontalPodAutoscaler, Job, Pod } from '../kube/resource.ts'
import type {
  AutoscalerObservation,
  ContainerObservation,
  JobObservation,
  PodObservation,
  Stage,
  Termination,
  Warning,
} from '../plan/observed.ts'
import type { ServingObservation } from '../plan/rollout/switch.ts'
import type { CoreEvent } from './resources.ts'

const time = (text: string | undefined | null) => (text ? Date.parse(text) : 0)

export function observePod(pod: Live<Pod>): PodObservation {
  const { metadata, spec, status } = pod
  const conditions = status?.conditions ?? []
  const scheduled = conditions.find((condition) => condition.type === 'PodScheduled')
  const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const
  return {
    name: metadata.name,
    uid: metadata.uid,
    phase: phases.find((phase) => phase === status?.phase) ?? 'Unknown',
    createdAt: time(metadata.creationTimestamp),
    deleting: metadata.deletionTimestamp !== undefined,
    ready: conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    ...(status?.podIP !== undefined && { ip: status.podIP }),
    ...(status?.reason !== undefined && { reason: status.reason }),
    ...(status?.message !== undefined && { message: status.message }),
    ...(scheduled?.status === 'False' && { unschedulable: scheduled.message ?? scheduled.reason ?? 'unschedulable' }),
    containers: (spec?.containers ?? []).map((container) => {
      const found = status?.containerStatuses?.find((candidate) => candidate.name === container.name)
      return observeContainer(container.name, container.image ?? '', found)
    }),
  }
}

function observeContainer(
  name: string,
  image: string,
  status: Json<V1ContainerStatus> | undefined,
): ContainerObservation {
  const { waiting, running, terminated } = status?.state ?? {}
  const last = status?.lastState?.terminated
  return {
    name,
    image,
    ready: status?.ready ?? false,
    restartCount: status?.restartCount ?? 0,
    ...(waiting && { waiting: { reason: waiting.reason ?? '', message: waiting.message ?? '' } }),
    ...(running && { runningSince: time(running.startedAt) }),
    ...(terminated && { terminated: termination(terminated) }),
    ...(last && { lastTerminated: termination(last) }),
  }
}

function termination(state: { reason?: string; exitCode: number; message?: string; finishedAt?: string }): Termination {
  return {
    reason: state.reason ?? '',
    exitCode: state.exitCode,
    message: state.message ?? '',
    finishedAt: time(state.finishedAt),
  }
}

export function observeJob(job: Live<Job>, pods: PodObservation[], warnings: Warning[]): JobObservation {
  const { metadata, status } = job
  const end = status?.conditions?.find(
    (condition) => condition.status === 'True' && (condition.type === 'Complete' || condition.type === 'Failed'),
  )
  const stages: readonly Stage[] = ['train', 'evaluate']
  return {
    name: metadata.name,
    uid: metadata.uid,
    stage: stages.find((stage) => stage === metadata.labels?.[LABELS.stage]) ?? 'train',
    attempt: Number(metadata.labels?.[LABELS.attempt] ?? '1'),
    createdAt: time(metadata.creationTimestamp),
    deleting: metadata.deletionTimestamp !== undefined,
    inputHash: metadata.annotations?.[ANNOTATIONS.inputHash] ?? '',
    image: metadata.annotations?.[ANNOTATIONS.image] ?? '',
    ...(end && {
      finished: {
        succeeded: end.type === 'Complete',
        reason: end.reason ?? '',
        message: end.message ?? '',
        at: time(end.lastTransitionTime),
      },
    }),
    pods,
    warnings,
  }
}

export function observeDeployment(deployment: Live<Deployment>): ServingObservation {
  const { metadata, spec, status } = deployment
  const replicas = spec?.replicas ?? 1
  const isCurrent = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  const counts = [status?.updatedReplicas, status?.readyReplicas, status?.replicas].map((count) => count ?? 0)
  return {
    version: metadata.name,
    isFullyReady: isCurrent && counts.every((count) => count === replicas),
    replicas,
    readyReplicas: status?.readyReplicas ?? 0,
  }
}

export function observeAutoscaler({ metadata, status }: Live<HorizontalPodAutoscaler>): AutoscalerObservation {
  const conditions = (status?.conditions ?? []).map(({ type, status: is, reason = '', message = '' }) => ({
    type,
    status: is,
    reason,
    message,
  }))
  return { name: metadata.name, conditions }
}

/** The Deployment's own words where it can't create pods. */
export function refusal(deployment: Live<Deployment>): string | undefined {
  const failure = deployment.status?.conditions?.find(
    (condition) => condition.type === 'ReplicaFailure' && condition.status === 'True',
  )
  return failure?.message
}

export function observeWarnings(events: readonly CoreEvent[]): Warning[] {
  return events
    .filter((event) => event.type === 'Warning')
    .map((event) => ({
      reason: event.reason ?? '',
      message: event.message ?? '',
      object: `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}`,
      at: time(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp),
    }))
    .sort((a, b) => b.at - a.at)
}
