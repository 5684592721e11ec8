/** What a ModelVersion that is being deleted leaves on its claim, and whether that has gone already. Pure. */
import type { ModelVersion } from '../api/v1alpha1/model-version.ts'
import type { JobObservation } from './observed.ts'

/** Keeps a deleted ModelVersion until its artifact is off the claim. */
export const ARTIFACT_FINALIZER = 'valence.dev/artifact'

/** A deletion is held up no longer than this: then the artifact stays, and an event says where. */
export const REMOVAL_DEADLINE_MS = 600_000

/** Pods of another controller end without an event that would wake this one. */
const LOOK_AGAIN_MS = 2_000

export interface RemovalObserved {
  version: ModelVersion
  /** The claim of the version as the API server has it. */
  claim: 'there' | 'going' | 'goesWithItsModel'
  /** The pods of the version answer for a model that stays. */
  isServing: boolean
  /** Its attempts that have not ended. */
  active: readonly JobObservation[]
  /** Some pod may still read or write the artifact. */
  isMounted: boolean
  /** The Job that removes it. */
  removal: JobObservation | undefined
}

export type RemovalPlan =
  /** Nothing keeps the version. `left` says why its artifact stays behind. */
  | { kind: 'release'; left?: string }
  | { kind: 'stop'; jobs: readonly JobObservation[]; requeueAfterMs: number }
  | { kind: 'wait'; requeueAfterMs: number }
  | { kind: 'remove'; job: string; claimName: string; requeueAfterMs: number }

export function planRemoval(observed: RemovalObserved, now: number): RemovalPlan {
  const { version, removal } = observed
  const claimName = claimWithArtifact(version)
  if (claimName === undefined || observed.claim !== 'there') return { kind: 'release' }
  // Asked for anew while it answers: its successor of the same name finds the artifact and is judged again.
  if (observed.isServing) return { kind: 'release' }
  if (removal?.finished?.succeeded) return { kind: 'release' }
  const where = `the artifact ${version.metadata.name} stays on PersistentVolumeClaim/${claimName}`
  if (removal?.finished) return { kind: 'release', left: `${where}: ${removal.finished.message}` }

  const leftMs = Date.parse(version.metadata.deletionTimestamp ?? '') + REMOVAL_DEADLINE_MS - now
  if (!(leftMs > 0)) return { kind: 'release', left: `${where}: it could not be removed within 10 minutes` }
  const requeueAfterMs = Math.min(LOOK_AGAIN_MS, leftMs)
  if (observed.active.length > 0) return { kind: 'stop', jobs: observed.active, requeueAfterMs }
  if (removal || observed.isMounted) return { kind: 'wait', requeueAfterMs }
  return { kind: 'remove', job: removalJobName(version), claimName, requeueAfterMs }
}

/** Undefined where no Job of the version ever ran, so that there is nothing to remove. */
function claimWithArtifact({ spec, status }: ModelVersion): string | undefined {
  const hasRun = status?.artifact !== undefined || (status?.attempts ?? []).length > 0
  return hasRun ? spec.claimName : undefined
}

/** With a piece of the uid: a version of the same name may have been removed just before. */
export const removalJobName = ({ metadata }: ModelVersion) =>
  `${metadata.name}-remove-${(metadata.uid ?? '').slice(0, 4)}`
