import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { createApp } from '../app.ts'
import { verifyArtifact } from '../artifact/verify.ts'
import { readConfig } from '../config.ts'
import type { Engine } from '../inference/engine.ts'
import { startOrtEngine } from '../inference/ort-engine.ts'
import { createPredictor } from '../inference/predictor.ts'
import { loadTokenizer } from '../inference/tokenizer.ts'
import { createLifecycle, type Lifecycle } from '../lifecycle.ts'
import { createMetrics } from '../metrics.ts'
import { createMetricsApp } from '../metrics-app.ts'
import { createTraffic, type Traffic } from '../routing/traffic.ts'
import { writeTinyArtifact, type TinyArtifact } from './tiny-artifact.ts'

export interface TestServer {
  app: FastifyInstance
  artifact: TinyArtifact
  engine: Engine
  lifecycle: Lifecycle
  registry: Registry
  /** Port 8001. */
  metricsApp: FastifyInstance
  traffic: Traffic
  /** Only where it was asked to listen. */
  url: string
  close(): Promise<void>
}

/** The real app on the real engine with a tiny model; only its parts that main.ts adds (ports, signals) are missing. */
export async function startTestServer(
  options: {
    version?: string
    routing?: Traffic['routing']
    env?: Record<string, string>
    engine?: Engine
    listen?: boolean
  } = {},
): Promise<TestServer> {
  const artifact = writeTinyArtifact(options.version === undefined ? {} : { version: options.version })
  const config = readConfig({ ARTIFACT_DIR: artifact.directory, ...options.env })
  const verified = await verifyArtifact(artifact.directory)
  const registry = new Registry()
  const metrics = createMetrics(registry)
  const log = pino({ level: 'silent' })
  const tokenizer = await loadTokenizer(verified)
  const { labels } = verified.manifest
  const { engine } = options.engine
    ? { engine: options.engine }
    : await startOrtEngine({
        modelPath: verified.path('model.fp32.onnx'),
        padId: tokenizer.padId,
        labels: labels.length,
        maxLength: verified.manifest.maxLength,
        workers: config.workers ?? 1,
        queueLimit: config.queueLimit,
        observer: metrics.engineObserver,
        log,
      })
  metrics.watchEngine(engine)
  const lifecycle = createLifecycle(engine)
  lifecycle.markReady()
  const traffic = createTraffic({
    version: artifact.version,
    digest: artifact.digest,
    labels,
    config,
    metrics,
    routing: options.routing ?? (() => undefined),
  })
  const app = await createApp(
    {
      config,
      version: artifact.version,
      digest: artifact.digest,
      predictor: createPredictor({ tokenizer, engine, labels, onTokenized: metrics.onTokenized }),
      lifecycle,
      metrics,
      traffic,
    },
    log,
  )
  const url = options.listen === true ? await app.listen({ port: 0, host: '127.0.0.1' }) : ''
  return {
    app,
    artifact,
    engine,
    lifecycle,
    registry,
    traffic,
    metricsApp: createMetricsApp(registry, traffic.evidence, log),
    url,
    async close() {
      await app.close()
      await engine.close()
      await traffic.close()
    },
  }
}
