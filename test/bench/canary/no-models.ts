import { sentimentModels } from '../../../operator/controllers/resources.ts'
import type { Cluster } from '../../e2e/support/cluster.ts'
import { assert, eventually } from '../../e2e/support/eventually.ts'

/** Jobs end, and what is stored is removed. */
const REMOVAL_SECONDS = 240

export async function noModels({ client, namespace }: Cluster): Promise<void> {
  await eventually('the models before are gone', REMOVAL_SECONDS, async () => {
    const { items } = await client.list(sentimentModels, { namespace })
    assert(items.length === 0, () => items.map(({ metadata }) => metadata.name).join())
  })
}

/** Before their namespace: the operator can make no Job in one that goes, such as the one that empties the storage. */
export async function removeModels(cluster: Cluster): Promise<void> {
  const { client, namespace } = cluster
  for (const { metadata } of (await client.list(sentimentModels, { namespace })).items)
    await client.delete(sentimentModels, namespace, metadata.name, { preconditions: { uid: metadata.uid } })
  await noModels(cluster)
}
