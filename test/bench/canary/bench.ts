/** The running local cluster with a namespace of the measurements' own in it, and everything as it was afterwards. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { prepare } from '../../../dev/prepare.ts'
import { NAMESPACE as OPERATOR_NAMESPACE } from '../../../dev/quickstart/install.ts'
import { knownCluster } from '../../../dev/state.ts'
import { faultyImage } from '../../e2e/support/canary-model.ts'
import { connectCluster, type Cluster } from '../../e2e/support/cluster.ts'
import { makeNamespace, removeNamespace } from '../../e2e/support/namespace.ts'
import { removeModels } from './no-models.ts'
import { imagesOf, operatorDeployment, operatorReady, scaleOperator } from './operator-deployment.ts'
import { say, timed } from '../progress.ts'

const run = promisify(execFile)
const NAMESPACE = 'valence-bench'
/** Claims that the measurements make, one after the other: they are given back when the namespace goes. */
const VOLUMES = '8'

export interface Bench {
  cluster: Cluster
  /** The server's image, with faults to ask for. */
  image: string
  kubernetes: string
  close(): Promise<void>
}

/** Connects to nothing but the cluster that `npm run up` made on this machine: load is not for a cluster that is somebody's. */
export async function openBench(): Promise<Bench> {
  const kind = knownCluster()
  if (kind === undefined) throw new Error('no local cluster is up: npm run up')
  if (kind === 'current')
    throw new Error('npm run up has used a cluster of yours; this needs the local one: npm run down, then npm run up')
  Object.assign(process.env, prepare(kind).env)
  const place = { namespace: NAMESPACE, operatorNamespace: OPERATOR_NAMESPACE, serverImage: '' }
  const looking = connectCluster(place)
  try {
    return await settleIn(looking, kind)
  } catch (error) {
    await looking.close()
    throw error
  }
}

async function settleIn(looking: Cluster, kind: 'stock' | 'kind'): Promise<Bench> {
  const { gitVersion: kubernetes } = await reachable(looking)
  const operator = await operatorDeployment(looking)
  const replicas = operator.spec?.replicas ?? 1
  if (replicas === 0) throw new Error(`the operator in ${OPERATOR_NAMESPACE} is scaled to nothing: npm run up`)
  await operatorReady(looking)
  const images = imagesOf(operator)
  const cluster: Cluster = { ...looking, serverImage: images.server }
  const putBack = async () => {
    say('putting everything back')
    // First of all: without an operator the namespace's models never go.
    await scaleOperator(cluster, replicas)
    await removeModels(cluster)
    await removeNamespace(cluster)
  }
  // Of a run that could not end properly.
  await removeModels(cluster)
  await removeNamespace(cluster)
  try {
    if (kind === 'stock') await run('dev/cluster/volumes.sh', [VOLUMES])
    await timed('namespace and data', () => makeNamespace(cluster, images.trainer))
    const { value: image } = await timed('image with faults', () => faultyImage(cluster))
    const close = async () => {
      await putBack()
      await cluster.close()
    }
    return { cluster, image, kubernetes, close }
  } catch (error) {
    await putBack()
    throw error
  }
}

async function reachable({ client }: Cluster) {
  try {
    return await client.serverVersion()
  } catch (error) {
    throw new Error(`the local cluster does not answer: npm run up (${(error as Error).message})`, { cause: error })
  }
}
