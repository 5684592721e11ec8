import { blockedServingPod } from '../blocked.ts'
import type { ContainerObservation, PodObservation } from '../observed.ts'

/** A pod may be killed once or twice for reasons of the node's; one that has ended so often ends by itself. */
const RESTARTS = 3

/** Why a pod of a candidate is not going to stay up; undefined where none is in a crash loop. */
export function crashLooping(pods: readonly PodObservation[]): string | undefined {
  const looping = pods.filter((pod) => !pod.deleting && pod.containers.some(isLooping))
  if (looping.length === 0) return undefined
  // Time plays no part: the checks that need it are about pods that have not started.
  const culprit = blockedServingPod(looping, [], 0)
  const [first] = looping
  const container = first?.containers.find(isLooping)
  return culprit
    ? `${culprit.object}: ${culprit.message}`
    : `Pod/${first?.name ?? ''}: container ${container?.name ?? ''} has restarted ${container?.restartCount ?? 0} times`
}

const isLooping = ({ ready, restartCount }: ContainerObservation) => !ready && restartCount >= RESTARTS
