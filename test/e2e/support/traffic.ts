/** Callers inside the cluster, while a test changes the model that they ask. */
import {
  askPath,
  TRAFFIC_PORT,
  trafficName,
  trafficPod,
  type PodOptions,
  type TrafficCount,
} from '../../../dev/traffic/traffic-pod.ts'
import { pods } from '../../../operator/kube/resource.ts'
import type { Cluster } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

export interface Traffic {
  count(): Promise<TrafficCount>
  /** So many requests more, for a pod that was started idle. */
  ask(requests: number): Promise<void>
  stop(): Promise<void>
}

/** Longer than any test or measurement: the pod ends then, whatever becomes of whoever started it. */
const MAX_SECONDS = 14_400

export async function startTraffic(cluster: Cluster, model: string, options: PodOptions = {}): Promise<Traffic> {
  const { client, namespace, serverImage: image } = cluster
  const name = trafficName(model)
  const pod = trafficPod({ namespace, model, image }, { maxSeconds: MAX_SECONDS, ...options })
  await client.apply(pods, pod, { fieldManager: 'e2e', force: true })
  const call = async (method: 'GET' | 'POST', path: string) => {
    const answer = await cluster.call({ kind: 'pods', name, port: TRAFFIC_PORT }, path, { method })
    assert(answer.status === 200, () => `traffic pod: ${answer.status} ${answer.text}`)
    return answer.body as TrafficCount
  }
  const count = () => call('GET', '/')
  await eventually('traffic flows', 60, async () => {
    const { answered } = await count()
    assert(options.isIdle === true || answered > 5, () => `${answered} answers`)
  })
  return {
    count,
    ask: async (requests) => {
      await call('POST', askPath(requests))
    },
    stop: async () => {
      const live = await client.get(pods, namespace, name)
      if (!live) return
      const { uid } = live.metadata
      await client.delete(pods, namespace, name, { preconditions: { uid } })
      // The next callers have the same name.
      await eventually('the traffic pod is gone', 60, async () => {
        const left = await client.get(pods, namespace, name)
        assert(left?.metadata.uid !== uid, () => 'still there')
      })
    },
  }
}
