import type { Live } from '../kube/object.ts'
import type { Pod } from '../kube/resource.ts'
import { isFailing } from '../plan/blocked.ts'
import type { PodObservation, Warning } from '../plan/observed.ts'
import type { OperatorContext } from './context.ts'
import { observePod, observeWarnings } from './observe.ts'
import { coreEvents } from './resources.ts'

/** Of many pods that wait or fail, a few tell what all of them wait for. */
const WITNESSES = 3
const LOG_LINES = 20
const LOG_BYTES = 8_192

/** Pods as facts; a failing container with the last line of its log, which usually names the cause. */
export async function gatherPods(
  context: OperatorContext,
  pods: readonly Live<Pod>[],
  signal: AbortSignal,
): Promise<PodObservation[]> {
  const now = context.clock.now()
  const observed = pods.map(observePod)
  const failing = observed.filter((pod) => pod.containers.some((container) => isFailing(container, now)))
  const witnesses = new Set(failing.slice(0, WITNESSES).map((pod) => pod.uid))
  return Promise.all(
    pods.map(async (pod, index) => {
      const facts = observed[index] ?? observePod(pod)
      return witnesses.has(facts.uid) ? withLogs(context, pod, facts, signal) : facts
    }),
  )
}

async function withLogs(
  context: OperatorContext,
  pod: Live<Pod>,
  observed: PodObservation,
  signal: AbortSignal,
): Promise<PodObservation> {
  const now = context.clock.now()
  const containers = await Promise.all(
    observed.containers.map(async (container) => {
      if (!isFailing(container, now)) return container
      const previous = container.waiting !== undefined && container.restartCount > 0
      const lastLogLine = await readLastLine(context, pod, container.name, previous, signal)
      return lastLogLine === undefined ? container : { ...container, lastLogLine }
    }),
  )
  return { ...observed, containers }
}

async function readLastLine(
  context: OperatorContext,
  pod: Live<Pod>,
  container: string,
  previous: boolean,
  signal: AbortSignal,
) {
  try {
    const text = await context.client.podLogs(
      pod,
      { container, tailLines: LOG_LINES, limitBytes: LOG_BYTES, previous },
      signal,
    )
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .at(-1)
  } catch (err) {
    // A log that is gone or can't be had takes nothing from the diagnosis but its last line.
    context.log.debug({ pod: pod.metadata.name, container, err }, 'no log to quote')
    return undefined
  }
}

/** Warnings about objects that do not get ahead. Asked of the API server only for these: events are many and short-lived. */
export async function gatherWarnings(
  context: OperatorContext,
  namespace: string,
  uids: readonly string[],
  signal: AbortSignal,
): Promise<Warning[]> {
  const lists = await Promise.all(
    uids
      .slice(0, WITNESSES)
      .map((uid) => context.client.list(coreEvents, { namespace, fieldSelector: `involvedObject.uid=${uid}` }, signal)),
  )
  return observeWarnings(lists.flatMap((list) => list.items))
}

/** Pods that wait or run without being ready: the ones whose warnings tell why. */
export const isStuck = (pod: PodObservation) =>
  !pod.deleting && !pod.ready && (pod.phase === 'Pending' || pod.phase === 'Running')
