import { MOUNTS, PORTS, ROUTING_FILE, SERVER_ENV } from '../../contract/names.ts'
import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { Deployment } from '../kube/resource.ts'
import type { Deployed } from '../plan/model.ts'
import { servingSelector } from '../plan/serving-selector.ts'
import { labelsOf, ownedBy } from './metadata.ts'
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
} from './pod.ts'

export interface ServingInput {
  model: SentimentModel
  deployed: Deployed
  image: string
  imagePullPolicy: string
  claimName: string
}

/** Longest time that a request may take, the drain delay before and some air: what SIGTERM leaves before SIGKILL. */
const TERMINATION_GRACE_SECONDS = 60
/** Loading a large model from a slow volume, with its digests checked. */
const START_SECONDS = 600

/** The pods of one version, each pinned to its digest. */
export function buildDeployment(input: ServingInput): Deployment {
  const { model, deployed } = input
  const labels = labelsOf(model.metadata.name, 'server', deployed.version)
  const { replicas } = deployed
  return {
    metadata: {
      name: deployed.version,
      namespace: model.metadata.namespace,
      labels,
      ownerReferences: ownedBy(model),
    },
    spec: {
      replicas,
      selector: { matchLabels: servingSelector(model.metadata.name, deployed.version) },
      // A pod goes only when its successor is ready: stable never loses capacity because of us.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels },
        spec: {
          ...podDefaults,
          terminationGracePeriodSeconds: TERMINATION_GRACE_SECONDS,
          ...placementOf(model.spec.serving),
          ...sharedNodeOf(model.metadata.name, model.spec.storage),
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: servingSelector(model.metadata.name, deployed.version) },
            },
          ],
          containers: [container(input)],
          volumes: [
            { name: ARTIFACTS_VOLUME, persistentVolumeClaim: { claimName: input.claimName, readOnly: true } },
            { name: 'routing', configMap: { name: routingName(model.metadata.name) } },
            scratchVolume,
          ],
        },
      },
    },
  }
}

/** What autoscaling by CPU measures. */
export const SERVER_CONTAINER = 'server'

export const routingName = (model: string) => `${model}-routing`

function container({ model, deployed, image, imagePullPolicy }: ServingInput): Container {
  const artifactDir = `${MOUNTS.artifacts}/${deployed.version}`
  const env: Record<string, string> = {
    [SERVER_ENV.artifactDir]: artifactDir,
    [SERVER_ENV.expectedDigest]: deployed.digest,
    [SERVER_ENV.precision]: deployed.precision,
    [SERVER_ENV.modelName]: model.metadata.name,
    [SERVER_ENV.routingFile]: `${MOUNTS.routing}/${ROUTING_FILE}`,
  }
  return {
    name: SERVER_CONTAINER,
    image,
    imagePullPolicy,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    ports: [
      { name: 'http', containerPort: PORTS.api },
      { name: 'metrics', containerPort: PORTS.metrics },
    ],
    resources: resourcesOf(model.spec.serving.resources, {
      requests: { cpu: '500m', memory: '512Mi' },
      limits: { cpu: '2', memory: '2Gi' },
    }),
    securityContext: containerSecurity,
    // Until it has started, liveness is not asked: a large model is not killed while it loads.
    startupProbe: {
      httpGet: { path: '/readyz', port: 'http' },
      periodSeconds: 1,
      failureThreshold: START_SECONDS,
      timeoutSeconds: 2,
    },
    readinessProbe: {
      httpGet: { path: '/readyz', port: 'http' },
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 2,
    },
    livenessProbe: {
      httpGet: { path: '/healthz', port: 'http' },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    volumeMounts: [
      { name: ARTIFACTS_VOLUME, mountPath: artifactDir, subPath: deployed.version, readOnly: true },
      // The whole directory, not a subPath: only then does the kubelet refresh the file.
      { name: 'routing', mountPath: MOUNTS.routing, readOnly: true },
      scratchMount,
    ],
  }
}
