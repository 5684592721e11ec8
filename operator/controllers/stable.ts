import type { SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import { LABELS } from '../builders/metadata.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Service } from '../kube/resource.ts'

/**
 * The version that answers is the one that the Service selects. Where someone has deleted the Service or broken its selector, it
 * is the last one on record: its pods must not be taken for left-overs.
 */
export function stableOf(
  front: Service | undefined,
  model: SentimentModel,
  known: readonly KubeObject[],
): string | undefined {
  const selected = front?.spec?.selector?.[LABELS.version]
  const recorded = model.status?.promotions?.at(-1)?.version
  return [selected, recorded].find((name) => known.some((object) => object.metadata.name === name))
}
