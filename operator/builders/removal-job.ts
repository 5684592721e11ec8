import { MOUNTS } from '../../contract/names.ts'
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { SentimentModelSpec } from '../api/v1alpha1/sentiment-model.ts'
import type { Job } from '../kube/resource.ts'
import { REMOVAL_DEADLINE_MS } from '../plan/removal.ts'
import { labelsOf } from './metadata.ts'
import { ARTIFACTS_VOLUME, containerSecurity, placementOf, podDefaults, sharedNodeOf } from './pod.ts'

export interface RemovalInput {
  version: ModelVersion
  /** Undefined: the model is gone. */
  spec: SentimentModelSpec | undefined
  name: string
  claimName: string
  image: string
  imagePullPolicy: string
}

/**
 * Removes what a version left on its claim: the artifact, a half-written one, and its checkpoints. It has no owner: a foreground
 * deletion of the version would take it away before it has done its work.
 */
export function buildRemovalJob(input: RemovalInput): Job {
  const { version, spec, name, claimName } = input
  const labels = labelsOf(version.spec.model, 'remover', version.metadata.name)
  const directory = version.metadata.name
  const paths = [directory, `.${directory}.partial`, `.${directory}.checkpoint`]
  return {
    metadata: { name, namespace: version.metadata.namespace, labels },
    spec: {
      backoffLimit: 2,
      activeDeadlineSeconds: REMOVAL_DEADLINE_MS / 1000,
      // Should nobody be left to take it away.
      ttlSecondsAfterFinished: 600,
      template: {
        metadata: { labels },
        spec: {
          ...podDefaults,
          restartPolicy: 'Never',
          ...(spec && { ...placementOf(spec.serving), ...sharedNodeOf(version.spec.model, spec.storage) }),
          containers: [
            {
              name: 'remover',
              image: input.image,
              imagePullPolicy: input.imagePullPolicy,
              command: ['rm', '-rf', '--', ...paths.map((path) => `${MOUNTS.artifacts}/${path}`)],
              terminationMessagePolicy: 'FallbackToLogsOnError',
              resources: { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
              securityContext: containerSecurity,
              volumeMounts: [{ name: ARTIFACTS_VOLUME, mountPath: MOUNTS.artifacts }],
            },
          ],
          volumes: [{ name: ARTIFACTS_VOLUME, persistentVolumeClaim: { claimName } }],
        },
      },
    },
  }
}
