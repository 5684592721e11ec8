/** What a plan may know of the cluster: plain facts, gathered once by the controllers. Times are milliseconds since the epoch. */

export interface Termination {
  reason: string
  exitCode: number
  /** The termination message the container left, or the kubelet's own. */
  message: string
  finishedAt: number
}

export interface ContainerObservation {
  name: string
  image: string
  ready: boolean
  restartCount: number
  waiting?: { reason: string; message: string }
  runningSince?: number
  terminated?: Termination
  /** How the container ended before its last restart. */
  lastTerminated?: Termination
  /** Last line of its log; gathered only for a container that is failing. */
  lastLogLine?: string
}

export interface PodObservation {
  name: string
  uid: string
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
  ip?: string
  createdAt: number
  deleting: boolean
  ready: boolean
  /** Of the pod as a whole: Evicted, DeadlineExceeded. */
  reason?: string
  message?: string
  /** The scheduler's message while no node fits. */
  unschedulable?: string
  containers: ContainerObservation[]
}

/** A warning that the cluster attached to an object of ours. */
export interface Warning {
  reason: string
  message: string
  object: string
  at: number
}

export interface Progress {
  /** 0..1 */
  ratio: number
  step?: number
  loss?: number
  etaSeconds?: number
}

export interface JobObservation {
  name: string
  uid: string
  stage: Stage
  attempt: number
  createdAt: number
  deleting: boolean
  /** Of the user's way of running it (spec.job): failures are counted by it. */
  inputHash: string
  /** The image that was asked for; admission may have put another in its place. */
  image: string
  finished?: { succeeded: boolean; reason: string; message: string; at: number }
  pods: PodObservation[]
  warnings: Warning[]
  progress?: Progress
}

/** The two Jobs that a version needs, in their order. */
export type Stage = 'train' | 'evaluate'

/** The container that does the work of a stage; a cluster may inject others beside it. */
export const STAGE_CONTAINERS = { train: 'trainer', evaluate: 'evaluator' } as const

/** What an autoscaler says of itself: whether it can read and set the number of pods, and has metrics to go by. */
export interface AutoscalerObservation {
  name: string
  conditions: readonly { type: string; status: string; reason: string; message: string }[]
}
