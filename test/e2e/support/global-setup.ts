import { connectCluster, required } from './cluster.ts'
import { makeNamespace, removeNamespace } from './namespace.ts'

export async function setup(): Promise<() => Promise<void>> {
  const cluster = connectCluster()
  await makeNamespace(cluster, required('VALENCE_E2E_TRAINER_IMAGE'))
  return async () => {
    await removeNamespace(cluster)
    await cluster.close()
  }
}
