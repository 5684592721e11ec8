/** What serving pods have counted, as the plan sees it. */
import type { ArmCounters, ShadowCounters } from '../../../contract/evidence.ts'

export interface PodEvidence {
  pod: string
  version: string
  isReady: boolean
  /** Of the routing file that it runs; absent where it could not be asked. */
  epoch?: number
  /** Why it could not be asked. */
  problem?: string
}

export interface EvidenceObserved {
  pods: readonly PodEvidence[]
  /** What was counted since the last look, by version, over all pods. */
  arms: Readonly<Record<string, Pick<ArmCounters, 'requests' | 'failures' | 'reasons'>>>
  shadow: Readonly<Record<string, ShadowCounters>>
}

export interface Lagging {
  pod: string
  message: string
  /** It answers, and runs another file: it may be prodded. */
  hasAnswered: boolean
}

/** Ready pods of a version that do not run the routing file of this epoch: what they do with a request is not what we think. */
export function laggingPods({ pods }: EvidenceObserved, version: string, epoch: number): Lagging[] {
  return pods
    .filter((pod) => pod.version === version && pod.isReady && pod.epoch !== epoch)
    .map(({ pod, epoch: found, problem }) => ({
      pod,
      hasAnswered: problem === undefined,
      message: problem ?? `runs routing epoch ${found ?? 'unknown'}, wanted ${epoch}`,
    }))
}
