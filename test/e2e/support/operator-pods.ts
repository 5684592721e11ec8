import type { Live } from '../../../operator/kube/object.ts'
import { pods, type Pod } from '../../../operator/kube/resource.ts'
import type { Cluster } from './cluster.ts'

export const OPERATOR_SELECTOR = 'app.kubernetes.io/name=valence,app.kubernetes.io/component=operator'

export async function operatorPods({ client, operatorNamespace: namespace }: Cluster): Promise<Live<Pod>[]> {
  return (await client.list(pods, { namespace, labelSelector: OPERATOR_SELECTOR })).items
}

/** Ends the operator without a chance to tidy up; its Deployment starts another. */
export async function killOperator(cluster: Cluster): Promise<void> {
  const found = await operatorPods(cluster)
  if (found.length === 0) throw new Error(`no operator pod in ${cluster.operatorNamespace}`)
  for (const pod of found) {
    const preconditions = { uid: pod.metadata.uid }
    const options = { preconditions, gracePeriodSeconds: 0 }
    await cluster.client.delete(pods, cluster.operatorNamespace, pod.metadata.name, options)
  }
}
