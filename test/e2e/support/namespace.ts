import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { namespaces } from '../../../operator/kube/resource.ts'
import type { Cluster } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

const run = promisify(execFile)

/** A namespace that admits only restricted pods, with the quickstart's data on a claim. */
export async function makeNamespace({ client, namespace }: Cluster, trainerImage: string): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await client.apply(namespaces, { metadata: { name: namespace, labels } }, { fieldManager: 'e2e', force: true })
  await run('dev/quickstart/load.sh', [trainerImage, namespace], { timeout: 300_000 })
}

export async function removeNamespace({ client, namespace }: Cluster): Promise<void> {
  const found = await client.get(namespaces, undefined, namespace)
  if (found) await client.delete(namespaces, undefined, namespace, { preconditions: { uid: found.metadata.uid } })
  await eventually('the namespace is gone', 120, async () => {
    assert((await client.get(namespaces, undefined, namespace)) === undefined, () => 'still there')
  })
}
