import type { ModelVersion } from '../../../operator/api/v1alpha1/model-version.ts'
import type { SentimentModel } from '../../../operator/api/v1alpha1/sentiment-model.ts'
import { modelVersions, sentimentModels } from '../../../operator/controllers/resources.ts'
import type { Live } from '../../../operator/kube/object.ts'
import type { Cluster } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

/** As a user writes it: without the fields that have defaults. */
export interface Manifest {
  metadata: { name: string }
  spec: Record<string, unknown>
}

/**
 * A run of some seconds on two cores: few rows, short texts, only the last layer. `token` tells versions apart that are to be
 * trained alike.
 */
export function quickRecipe(token: string, dataset: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    train: {
      baseModel: { uri: 'pvc://quickstart-data/all-MiniLM-L6-v2' },
      dataset: { uri: 'pvc://quickstart-data/mr', samples: 1500, ...dataset },
      hyperparameters: {
        epochs: 1,
        batchSize: 16,
        learningRate: '3e-4',
        headLearningRate: '2e-3',
        dropout: '0',
        maxLength: 48,
        freeze: { embeddings: true, layers: 4 },
      },
      retrainToken: token,
    },
  }
}

export async function applyModel({ client, namespace }: Cluster, manifest: Manifest): Promise<Live<SentimentModel>> {
  const object = { ...manifest, metadata: { ...manifest.metadata, namespace } }
  return client.apply(sentimentModels, object as never, { fieldManager: 'e2e', force: true })
}

export async function getModel({ client, namespace }: Cluster, name: string): Promise<Live<SentimentModel>> {
  const model = await client.get(sentimentModels, namespace, name)
  assert(model !== undefined, () => `no SentimentModel ${name}`)
  return model
}

export async function versionsOf({ client, namespace }: Cluster, name: string): Promise<Live<ModelVersion>[]> {
  const { items } = await client.list(modelVersions, { namespace })
  return items.filter((version) => version.spec.model === name)
}

export function condition(model: { status?: SentimentModel['status'] | ModelVersion['status'] }, type: string) {
  return model.status?.conditions?.find((candidate) => candidate.type === type)
}

/** Waits for a condition that is about the current spec. */
export async function waitForCondition(
  cluster: Cluster,
  name: string,
  wanted: { type: string; status: string; reason?: string },
  seconds: number,
): Promise<Live<SentimentModel>> {
  return eventually(`${name}: ${JSON.stringify(wanted)}`, seconds, async () => {
    const model = await getModel(cluster, name)
    const found = condition(model, wanted.type)
    const isCurrent = found?.observedGeneration === model.metadata.generation
    const fits = found?.status === wanted.status && (wanted.reason === undefined || found.reason === wanted.reason)
    assert(isCurrent && fits, () => JSON.stringify(model.status))
    return model
  })
}
