import type { ServerConfig } from './config.ts'
import type { Predictor } from './inference/predictor.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Metrics } from './metrics.ts'
import type { Traffic } from './routing/traffic.ts'

/** What the routes stand on. */
export interface ServerContext {
  config: Pick<ServerConfig, 'modelName' | 'defaultTimeoutMs' | 'maxBodyBytes' | 'maxTextCharacters' | 'maxBatchTexts'>
  version: string
  digest: string
  predictor: Predictor
  lifecycle: Lifecycle
  metrics: Metrics
  traffic: Traffic
}
