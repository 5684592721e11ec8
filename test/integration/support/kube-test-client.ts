import { type Logger, pino } from 'pino'
import { Registry } from 'prom-client'
import { type Connection, connect } from '../../../operator/kube/connection.ts'
import { createKubeClient, type KubeClient } from '../../../operator/kube/client.ts'
import { createKubeMetrics, type KubeMetrics } from '../../../operator/kube/metrics.ts'
import { createTransport, type Transport } from '../../../operator/kube/transport.ts'
import { systemClock } from '../../../operator/runtime/clock.ts'
import { KubeConfig } from '@kubernetes/client-node'

export interface TestClient {
  client: KubeClient
  transport: Transport
  connection: Connection
  registry: Registry
  metrics: KubeMetrics
  log: Logger
}

/** Our own client on a kubeconfig file. Close `connection` at the end. */
export function testClient(kubeconfigPath: string): TestClient {
  const load = () => {
    const config = new KubeConfig()
    config.loadFromFile(kubeconfigPath)
    return config
  }
  const registry = new Registry()
  const metrics = createKubeMetrics(registry)
  const connection = connect({ load, clock: systemClock })
  const transport = createTransport({ connection, clock: systemClock, metrics, userAgent: 'valence-test' })
  const log: Logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })
  return { client: createKubeClient({ transport }), transport, connection, registry, metrics, log }
}
