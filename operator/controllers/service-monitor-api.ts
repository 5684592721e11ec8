import type { Logger } from 'pino'
import type { KubeClient } from '../kube/client.ts'
import { serviceMonitors } from '../kube/resource.ts'
import type { Clock } from '../runtime/clock.ts'

const INTERVAL_MS = 60_000

/** Knows whether the cluster has ServiceMonitors: the CRD may be installed long after us, or taken away. */
export function createServiceMonitorApi(options: {
  client: KubeClient
  clock: Clock
  log: Logger
  onChange: () => void
  intervalMs?: number | undefined
}) {
  const { client, clock, log, onChange, intervalMs = INTERVAL_MS } = options
  let isThere = false
  return {
    name: 'service-monitor-api',
    isThere: () => isThere,
    async run(signal: AbortSignal): Promise<void> {
      const isStopped = () => signal.aborted
      while (!isStopped()) {
        try {
          const found = await client.hasResource(serviceMonitors, signal)
          if (found !== isThere) {
            isThere = found
            log.info({ found }, 'the ServiceMonitor resource of the cluster')
            onChange()
          }
        } catch (err) {
          if (!isStopped()) log.warn({ err }, 'could not ask for the ServiceMonitor resource; what was known stays')
        }
        await clock.sleep(intervalMs, signal).catch(() => undefined) // ended by the signal, which the loop asks for
      }
    },
  }
}
