/** Puts the parts together: connection, caches, leader election, controllers. `main.ts` only starts it. */
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { createCaches, type CacheSet } from './controllers/caches.ts'
import type { OperatorContext } from './controllers/context.ts'
import { EvidenceLedger, readEvidence, type ReadEvidence } from './controllers/evidence.ts'
import { reconcileModelVersion } from './controllers/model-version/reconcile.ts'
import { createReadProgress } from './controllers/progress.ts'
import { askService, type AskService } from './controllers/rehearsal.ts'
import { createRolloutMetrics } from './controllers/rollout-metrics.ts'
import { modelVersions, sentimentModels } from './controllers/resources.ts'
import { reconcileSentimentModel } from './controllers/sentiment-model/reconcile.ts'
import { createServiceMonitorApi } from './controllers/service-monitor-api.ts'
import { connectWatches, type Queues } from './controllers/watches.ts'
import type { OperatorConfig } from './config.ts'
import { createKubeClient } from './kube/client.ts'
import { connect, type Connection } from './kube/connection.ts'
import { createEventRecorder } from './kube/events.ts'
import { LeaderElection } from './kube/lease.ts'
import { createKubeMetrics } from './kube/metrics.ts'
import { keyOf } from './kube/object.ts'
import { createTransport } from './kube/transport.ts'
import { systemClock } from './runtime/clock.ts'
import { runController, type Reconcile } from './runtime/controller.ts'
import { runManager, type ManagerResult, type Runnable } from './runtime/manager.ts'
import { createRuntimeMetrics } from './runtime/metrics.ts'
import { createProbeServer } from './runtime/probes.ts'
import { WorkQueue } from './runtime/workqueue.ts'

export interface OperatorOptions {
  config: OperatorConfig
  /** This process: the pod's name. */
  instance: string
  registry: Registry
  log: Logger
  connection?: Connection
  /** How serving pods are asked; a test without pods puts its own in their place. */
  readEvidence?: ReadEvidence
  askService?: AskService
  /** How often the cluster is asked for ServiceMonitors, which come and go with the Prometheus operator. */
  serviceMonitorIntervalMs?: number
}

const CONCURRENCY = 4
const RECONCILE_DEADLINE_MS = 60_000
/** A watch that has said nothing for this long, bookmarks included, is not to be relied on. */
const STALE_MS = 180_000

export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<ManagerResult> {
  const { config, registry, log } = options
  const clock = systemClock
  const connection = options.connection ?? connect({ clock })
  const kubeMetrics = createKubeMetrics(registry)
  const metrics = createRuntimeMetrics(registry)
  const transport = createTransport({ connection, clock, metrics: kubeMetrics, userAgent: 'valence-operator' })
  const reader = createKubeClient({ transport })
  await assertCustomResources(reader, signal)

  const election = new LeaderElection({
    client: reader,
    namespace: config.leaseNamespace ?? connection.namespace ?? 'default',
    name: config.leaseName,
    identity: `${options.instance}_${randomUUID().slice(0, 8)}`,
    clock,
    log,
    metrics: kubeMetrics,
  })
  const client = createKubeClient({ transport, permitWrite: () => election.permit() })
  const queues: Queues = {
    models: new WorkQueue({ name: 'sentimentmodel', clock, metrics }),
    versions: new WorkQueue({ name: 'modelversion', clock, metrics }),
  }
  const namespaces = config.watchNamespaces.length > 0 ? config.watchNamespaces : [undefined]
  const sets = namespaces.map((namespace) => createCaches({ transport, clock, log, metrics: kubeMetrics }, namespace))
  for (const set of sets) connectWatches(set.caches, queues)

  const monitorApi = createServiceMonitorApi({
    client: reader,
    clock,
    log,
    onChange: () => enqueueAll(sets, queues),
    intervalMs: options.serviceMonitorIntervalMs,
  })
  const events = createEventRecorder({
    client,
    reportingController: 'valence.dev/operator',
    reportingInstance: options.instance,
    clock,
    log,
  })
  const context: OperatorContext = {
    client,
    caches: (namespace) => cachesOf(sets, namespace),
    images: config.images,
    imagePullPolicy: config.imagePullPolicy,
    hasServiceMonitorApi: monitorApi.isThere,
    readProgress: createReadProgress(log),
    evidence: new EvidenceLedger(options.readEvidence ?? readEvidence),
    askService: options.askService ?? askService,
    rolloutMetrics: createRolloutMetrics(registry),
    events,
    clock,
    log,
  }
  const controller = (name: string, queue: WorkQueue, reconcile: Reconcile): Runnable => ({
    name,
    run: (stop) =>
      runController(
        { name, queue, reconcile, concurrency: CONCURRENCY, deadlineMs: RECONCILE_DEADLINE_MS, clock, log, metrics },
        stop,
      ),
  })
  const informers = sets.flatMap((set) => set.informers)
  try {
    return await runManager(
      {
        probes: createProbeServer({
          port: config.port,
          registry,
          clock,
          readyChecks: { 'informers-fresh': () => assertFresh(informers) },
        }),
        informers,
        election,
        controllers: [
          controller('sentimentmodel', queues.models, reconcileSentimentModel(context)),
          controller('modelversion', queues.versions, reconcileModelVersion(context)),
          monitorApi,
        ],
        clock,
        log,
      },
      signal,
    )
  } finally {
    await events.flush()
    await connection.close()
  }
}

/** Without its own kinds the operator can do nothing; said once and clearly instead of a watch that fails for ever. */
async function assertCustomResources(
  client: Pick<OperatorContext['client'], 'hasResource'>,
  signal: AbortSignal,
): Promise<void> {
  for (const resource of [sentimentModels, modelVersions]) {
    if (await client.hasResource(resource, signal)) continue
    const crd = `${resource.plural}.${resource.group}`
    throw new Error(
      `the cluster does not serve ${crd} ${resource.version}: install the CRDs of this release (kubectl apply -f crds/) before the operator`,
    )
  }
}

function assertFresh(informers: readonly { name: string; staleMs(): number }[]): void {
  const stale = informers.filter((informer) => informer.staleMs() > STALE_MS).map((informer) => informer.name)
  if (stale.length > 0)
    throw new Error(`nothing heard from the API server about ${stale.join(', ')} for ${STALE_MS / 1000} s`)
}

function cachesOf(sets: readonly CacheSet[], namespace: string) {
  const set = sets.find((candidate) => candidate.namespace === undefined || candidate.namespace === namespace)
  if (!set) throw new Error(`namespace ${namespace} is not watched`)
  return set.caches
}

function enqueueAll(sets: readonly CacheSet[], queues: Queues): void {
  for (const model of sets.flatMap((set) => set.caches.models.list())) queues.models.add(keyOf(model))
}
