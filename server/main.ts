/** Entry of a serving pod: configuration, artifact, engine, ports, golden inference, and the way back on SIGTERM. */
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { EXIT_CODES } from '../contract/names.ts'
import { createApp } from './app.ts'
import { ArtifactError } from './artifact/artifact-error.ts'
import { readParityRows } from './artifact/read-rows.ts'
import { verifyArtifact } from './artifact/verify.ts'
import { closeAnswered, countRequests } from './close-answered.ts'
import { ConfigError, readConfig, type ServerConfig } from './config.ts'
import { describeCpu, int8Warning } from './inference/cpu.ts'
import { checkGolden } from './inference/golden-check.ts'
import { startOrtEngine } from './inference/ort-engine.ts'
import { createPredictor } from './inference/predictor.ts'
import { loadTokenizer } from './inference/tokenizer.ts'
import { createLifecycle } from './lifecycle.ts'
import { createMetricsApp } from './metrics-app.ts'
import { createMetrics } from './metrics.ts'
import { watchRoutingFile } from './routing/routing-file.ts'
import { createTraffic } from './routing/traffic.ts'

const GOLDEN_TIMEOUT_MS = 60_000

const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime })

async function serve(config: ServerConfig, stop: AbortSignal): Promise<void> {
  log.level = config.logLevel
  const started = performance.now()
  const artifact = await verifyArtifact(config.artifactDir, { digest: config.expectedDigest }, stop)
  const { version, labels } = artifact.manifest
  const { digest } = artifact
  const { precision } = config
  log.info({ version, digest, precision }, 'artifact verified')
  const cpu = describeCpu()
  log.info({ precision, cpu: cpu.model, cpuFlags: cpu.flags }, 'precision and CPU')
  const warning = precision === 'int8' ? int8Warning(cpu) : undefined
  if (warning !== undefined) log.warn({ cpu: cpu.model, cpuFlags: cpu.flags }, warning)
  const modelPath = artifact.path(`model.${precision}.onnx`)

  const registry = new Registry()
  const metrics = createMetrics(registry)
  metrics.modelInfo.set({ model: config.modelName, version, digest, precision }, 1)
  metrics.cpuInfo.set({ model: cpu.model, flags: cpu.flags?.join() ?? 'unknown' }, 1)
  metrics.routingEpoch.set(-1)
  const tokenizer = await loadTokenizer(artifact)
  const { engine } = await startOrtEngine({
    modelPath,
    padId: tokenizer.padId,
    labels: labels.length,
    maxLength: artifact.manifest.maxLength,
    workers: config.workers,
    scratch: tmpdir(),
    queueLimit: config.queueLimit,
    observer: metrics.engineObserver,
    log,
  })
  metrics.watchEngine(engine)
  const lifecycle = createLifecycle(engine)
  const routingFile =
    config.routingFile === undefined
      ? undefined
      : await watchRoutingFile({
          path: config.routingFile,
          onApplied(routing) {
            metrics.routingReloads.inc({ result: 'applied' })
            metrics.routingEpoch.set(routing.epoch)
            log.info({ routing }, 'routing file applied')
          },
          onRefused(reason) {
            metrics.routingReloads.inc({ result: 'refused' })
            log.error({ file: config.routingFile }, `the routing file ${reason}; the last valid one stays in force`)
          },
        })

  const traffic = createTraffic({
    version,
    digest,
    labels,
    config,
    metrics,
    routing: () => (routingFile === undefined ? undefined : (routingFile.current ?? 'unread')),
  })

  const app = await createApp(
    {
      config,
      version,
      digest,
      predictor: createPredictor({ tokenizer, engine, labels, onTokenized: metrics.onTokenized }),
      lifecycle,
      metrics,
      traffic,
    },
    log,
  )
  const requests = countRequests(app)
  const metricsApp = createMetricsApp(registry, traffic.evidence, log)
  const scrapes = countRequests(metricsApp)

  async function shutDown(): Promise<void> {
    // A pod that was never ready is in no endpoint list.
    const delayMs = lifecycle.notReadyReason() === undefined ? config.drainDelayMs : 0
    lifecycle.startDraining()
    log.info({ delayMs }, 'draining: still answering until every endpoint list forgets this pod')
    await sleep(delayMs)
    const timer = setTimeout(() => {
      log.fatal({ timeoutMs: config.drainTimeoutMs }, 'requests were still running at the end of the drain timeout')
      process.exit(1)
    }, config.drainTimeoutMs)
    await closeAnswered(app, requests)
    await engine.close()
    routingFile?.close()
    await traffic.close()
    await closeAnswered(metricsApp, scrapes)
    clearTimeout(timer)
    log.info('drained')
    process.exit(EXIT_CODES.done)
  }

  await listen(metricsApp, config.metricsPort)
  await listen(app, config.port)
  if (stop.aborted) {
    await shutDown()
    return
  }
  stop.addEventListener('abort', () => {
    shutDown().catch(fail)
  })
  try {
    const { texts } = await checkGolden({
      rows: await readParityRows(artifact),
      tokenizer,
      engine,
      precision,
      wait: { deadline: performance.now() + GOLDEN_TIMEOUT_MS },
    })
    lifecycle.markReady()
    log.info({ goldenTexts: texts, startMs: Math.round(performance.now() - started) }, 'ready')
  } catch (error) {
    // Its engine was closed under it.
    if (!lifecycle.isDraining) throw error
  }
}

/** On both IP families where the kernel has IPv6, else on the one there is. */
async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ port, host: '::' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error
    await app.listen({ port, host: '0.0.0.0' })
  }
}

/** The last line of the log is what the operator shows as the cause. */
function fail(error: unknown): never {
  if (error instanceof ConfigError) log.fatal(`configuration refused: ${error.message}`)
  else if (error instanceof ArtifactError) log.fatal({ code: error.code }, `artifact refused: ${error.message}`)
  else log.fatal({ err: error }, 'the server can not go on')
  process.exit(error instanceof ConfigError || error instanceof ArtifactError ? EXIT_CODES.invalid : 1)
}

// From the first moment on: the first process of a container ignores signals that it does not handle.
const stopping = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort())
log.info({ node: process.versions.node }, 'starting')

try {
  await serve(readConfig(process.env), stopping.signal)
} catch (error) {
  if (!stopping.signal.aborted) fail(error)
  log.info('stopped while starting')
  process.exit(EXIT_CODES.done)
}
