/** Which pods serve a version: what Deployments, Services, budgets and autoscalers select. */
import { API_GROUP } from '../../contract/names.ts'

export const MODEL_LABEL = `${API_GROUP}/model`
export const VERSION_LABEL = `${API_GROUP}/version`
export const COMPONENT_LABEL = 'app.kubernetes.io/component'

export const servingSelector = (model: string, version: string): Record<string, string> => ({
  [MODEL_LABEL]: model,
  [VERSION_LABEL]: version,
  [COMPONENT_LABEL]: 'server',
})

/** As text, which is what the scale subresource wants. */
export const servingSelectorText = (model: string, version: string) =>
  Object.entries(servingSelector(model, version))
    .map(([label, value]) => `${label}=${value}`)
    .join(',')
