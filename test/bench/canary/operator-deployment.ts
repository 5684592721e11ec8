/** The operator as `npm run up` has installed it: found, taken away for a while, restarted, and left as it was. */
import type { Live } from '../../../operator/kube/object.ts'
import { deployments, type Deployment } from '../../../operator/kube/resource.ts'
import type { Cluster } from '../../e2e/support/cluster.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'
import { OPERATOR_SELECTOR, operatorPods } from '../../e2e/support/operator-pods.ts'

const FIELD_MANAGER = 'bench'

export async function operatorDeployment({ client, operatorNamespace }: Cluster): Promise<Live<Deployment>> {
  const { items } = await client.list(deployments, { namespace: operatorNamespace, labelSelector: OPERATOR_SELECTOR })
  const [found] = items
  assert(found !== undefined, () => `no operator is installed in ${operatorNamespace}: npm run up`)
  return found
}

/** What it was told to run: the very images that the cluster holds. */
export function imagesOf(operator: Live<Deployment>): { server: string; trainer: string } {
  const args = operator.spec?.template.spec?.containers.flatMap((container) => container.args ?? []) ?? []
  const image = (name: string) => {
    const argument = `--${name}-image=`
    const value = args.find((one) => one.startsWith(argument))?.slice(argument.length)
    assert(value !== undefined, () => `the operator's Deployment has no argument ${argument}`)
    return value
  }
  return { server: image('server'), trainer: image('trainer') }
}

export async function scaleOperator(cluster: Cluster, replicas: number): Promise<void> {
  const { metadata } = await operatorDeployment(cluster)
  await patch(cluster, metadata.name, { spec: { replicas } })
  if (replicas > 0) return operatorReady(cluster)
  await eventually('the operator is gone', 90, async () => {
    const left = await operatorPods(cluster)
    assert(left.length === 0, () => `${left.length} pods`)
  })
}

/** As `kubectl rollout restart` does it: the same image in a new pod, which is ready before the old one goes, as in an upgrade. */
export async function restartOperator(cluster: Cluster): Promise<void> {
  const { metadata } = await operatorDeployment(cluster)
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
  await patch(cluster, metadata.name, { spec: { template: { metadata: { annotations } } } })
  await operatorReady(cluster)
}

export async function operatorReady(cluster: Cluster): Promise<void> {
  await eventually('the operator is ready', 120, async () => {
    const { metadata, spec, status } = await operatorDeployment(cluster)
    const wanted = spec?.replicas ?? 1
    const isDone =
      status?.observedGeneration === metadata.generation &&
      status?.replicas === wanted &&
      status.updatedReplicas === wanted &&
      status.readyReplicas === wanted
    assert(wanted > 0 && isDone, () => JSON.stringify(status))
  })
}

async function patch({ client, operatorNamespace }: Cluster, name: string, change: object): Promise<void> {
  await client.mergePatch(deployments, operatorNamespace, name, change, { fieldManager: FIELD_MANAGER })
}
