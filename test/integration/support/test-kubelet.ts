/**
 * Plays the kubelet: gives the pods of our Jobs and Deployments the statuses that a test asks for. Everything around it is real, so
 * the Job controller judges the end of a pod, and the Deployment controller counts the ready ones.
 */
import { LABELS, MANAGED } from '../../../operator/builders/metadata.ts'
import type { KubeClient } from '../../../operator/kube/client.ts'
import type { Live } from '../../../operator/kube/object.ts'
import { pods, type Pod } from '../../../operator/kube/resource.ts'

export type PodState =
  | { kind: 'ready' }
  | { kind: 'running' }
  | { kind: 'waiting'; reason: string; message: string }
  | { kind: 'ended'; exitCode: number; message?: string; reason?: string }

/** What becomes of a pod of one of our components; undefined leaves it as it is. */
export type Behaviour = (pod: {
  component: 'trainer' | 'evaluator' | 'remover' | 'server'
  version: string
  attempt: number
}) => PodState | undefined

const INTERVAL_MS = 150

export class TestKubelet {
  readonly #client: KubeClient
  readonly #behaviours = new Map<string, Behaviour>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: KubeClient) {
    this.#client = client
    this.#running = this.#run()
  }

  /** For the pods of a namespace, from now on. */
  behave(namespace: string, behaviour: Behaviour): void {
    this.#behaviours.set(namespace, behaviour)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { items } = await this.#client.list(pods, { labelSelector: MANAGED })
      for (const pod of items) await this.#tend(pod)
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
    }
  }

  async #tend(pod: Live<Pod>): Promise<void> {
    const { labels = {}, namespace = '', name, deletionTimestamp } = pod.metadata
    const { phase } = pod.status ?? {}
    if (deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed') return
    const state = this.#behaviours.get(namespace)?.({
      component: labels[LABELS.component] as 'trainer',
      version: labels[LABELS.version] ?? '',
      attempt: Number(labels[LABELS.attempt] ?? '1'),
    })
    if (!state) return
    const status = statusOf(pod, state)
    if (JSON.stringify(status.containerStatuses) === JSON.stringify(pod.status?.containerStatuses)) return
    try {
      await this.#client.mergePatch(pods, namespace, name, { status }, { subresource: 'status' })
    } catch (error) {
      if ((error as { status?: number }).status !== 404) throw error // deleted meanwhile
    }
  }
}

function statusOf(pod: Live<Pod>, state: PodState): NonNullable<Pod['status']> {
  const { name, image = '' } = pod.spec?.containers[0] ?? { name: '' }
  const since = pod.metadata.creationTimestamp
  const now = new Date().toISOString().replace(/\.\d{3}Z$/, 'Z')
  const isReady = state.kind === 'ready'
  const phases = { ready: 'Running', running: 'Running', waiting: 'Pending', ended: '' } as const
  const phase = state.kind === 'ended' ? (state.exitCode === 0 ? 'Succeeded' : 'Failed') : phases[state.kind]
  return {
    phase,
    startTime: since,
    conditions: ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status: isReady ? 'True' : 'False',
      lastTransitionTime: now,
    })),
    containerStatuses: [
      {
        name,
        ready: isReady,
        restartCount: 0,
        image,
        imageID: '',
        state: containerState(state, since),
        lastState: {},
      },
    ],
  }
}

function containerState(state: PodState, since: string) {
  if (state.kind === 'waiting') return { waiting: { reason: state.reason, message: state.message } }
  if (state.kind !== 'ended') return { running: { startedAt: since } }
  const { exitCode, message = '', reason = exitCode === 0 ? 'Completed' : 'Error' } = state
  return { terminated: { exitCode, reason, message, startedAt: since, finishedAt: since } }
}
