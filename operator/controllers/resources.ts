import { API_GROUP, API_VERSION } from '../../contract/names.ts'
import { MODEL_VERSION_KIND, type ModelVersion } from '../api/v1alpha1/model-version.ts'
import { SENTIMENT_MODEL_KIND, type SentimentModel } from '../api/v1alpha1/sentiment-model.ts'
import type { KubeObject } from '../kube/object.ts'
import { defineResource } from '../kube/resource.ts'

const ours = { group: API_GROUP, version: API_VERSION, namespaced: true }

export const sentimentModels = defineResource<SentimentModel>({
  ...ours,
  kind: SENTIMENT_MODEL_KIND,
  plural: 'sentimentmodels',
})
export const modelVersions = defineResource<ModelVersion>({
  ...ours,
  kind: MODEL_VERSION_KIND,
  plural: 'modelversions',
})

export interface CoreEvent extends KubeObject {
  type?: string
  reason?: string
  message?: string
  involvedObject: { kind?: string; name?: string; uid?: string }
  lastTimestamp?: string | null
  eventTime?: string | null
}

/** Read through the core group, whose field selectors every version of the API server knows. */
export const coreEvents = defineResource<CoreEvent>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
})
