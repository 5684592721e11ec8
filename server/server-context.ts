import type { Routing } from '../contract/routing.ts'
import type { ServerConfig } from './config.ts'
import type { Predictor } from './inference/predictor.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Metrics } from './metrics.ts'
import type { Forwarder } from './routing/forwarder.ts'

/** What the routes stand on. */
export interface ServerContext {
  config: Pick<ServerConfig, 'modelName' | 'defaultTimeoutMs' | 'maxBodyBytes' | 'maxTextCharacters' | 'maxBatchTexts'>
  version: string
  digest: string
  predictor: Predictor
  lifecycle: Lifecycle
  metrics: Metrics
  forwarder: Forwarder
  /** Undefined: there is no routing file. `unread`: there is one, and no valid content of it was seen yet. */
  routing(): Routing | 'unread' | undefined
}
