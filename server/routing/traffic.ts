/** What a pod needs to share its traffic with other versions, made and closed together. */
import type { Metrics } from '../metrics.ts'
import { createEvidenceKeeper, type EvidenceKeeper } from './evidence.ts'
import { createForwarder, type Forwarder } from './forwarder.ts'
import { createShadow, type Shadow } from './shadow.ts'
import type { KnownRouting } from './who-answers.ts'

export interface Traffic {
  routing: () => KnownRouting
  /** For requests that the split gave to another version; the own one answers where that fails. */
  split: Forwarder
  /** For requests that name their version. Apart, so that slow requests of one kind take no connection from the other. */
  named: Forwarder
  shadow: Shadow
  evidence: EvidenceKeeper
  close(): Promise<void>
}

/** Requests under way to one version. A healthy one may have as many waiting as its queue takes. */
const SPLIT_LIMIT = 256
const NAMED_LIMIT = 64

export function createTraffic(options: {
  version: string
  digest: string
  labels: readonly string[]
  config: { modelName: string }
  metrics: Metrics
  routing: () => KnownRouting
}): Traffic {
  const { version: ownVersion, labels, config, metrics, routing } = options
  const onOutcome = (version: string, outcome: string): void => metrics.forwarded.inc({ version, outcome })
  const evidence = createEvidenceKeeper({ version: ownVersion, digest: options.digest, routing, metrics })
  const split = createForwarder({ ownVersion, limit: SPLIT_LIMIT, attempts: 1, onOutcome })
  const named = createForwarder({ ownVersion, limit: NAMED_LIMIT, attempts: 2, onOutcome })
  const shadow = createShadow({ ownVersion, modelName: config.modelName, labels, routing, evidence })
  return {
    routing,
    split,
    named,
    shadow,
    evidence,
    async close() {
      await Promise.all([split.close(), named.close(), shadow.close()])
    },
  }
}
