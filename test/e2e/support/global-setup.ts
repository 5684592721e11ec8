import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { namespaces } from '../../../operator/kube/resource.ts'
import { connectCluster, NAMESPACE, required } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

const run = promisify(execFile)

/** A namespace that admits only restricted pods, with the quickstart's data on a claim; gone again afterwards. */
export async function setup(): Promise<() => Promise<void>> {
  const cluster = connectCluster()
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await cluster.client.apply(
    namespaces,
    { metadata: { name: NAMESPACE, labels } },
    { fieldManager: 'e2e', force: true },
  )
  await run('dev/quickstart/load.sh', [required('VALENCE_E2E_TRAINER_IMAGE'), NAMESPACE], { timeout: 300_000 })
  return async () => {
    const namespace = await cluster.client.get(namespaces, undefined, NAMESPACE)
    if (namespace)
      await cluster.client.delete(namespaces, undefined, NAMESPACE, { preconditions: { uid: namespace.metadata.uid } })
    await eventually('the namespace is gone', 120, async () => {
      assert((await cluster.client.get(namespaces, undefined, NAMESPACE)) === undefined, () => 'still there')
    })
    await cluster.close()
  }
}
