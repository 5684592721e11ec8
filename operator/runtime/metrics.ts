import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface RuntimeMetrics {
  reconciles: Counter<'controller' | 'result'>
  reconcileErrors: Counter<'controller'>
  reconcileSeconds: Histogram<'controller'>
  activeWorkers: Gauge<'controller'>
  queueDepth: Gauge<'name'>
  queueAdds: Counter<'name'>
  queueSeconds: Histogram<'name'>
  workSeconds: Histogram<'name'>
  queueRetries: Counter<'name'>
}

/** controller-runtime's names, so that its dashboards and alerts fit. */
export function createRuntimeMetrics(registry: Registry): RuntimeMetrics {
  const registers = [registry]
  return {
    reconciles: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciliations by result: success, requeue_after, error',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileErrors: new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciliations that ended in an error',
      labelNames: ['controller'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Time of one reconciliation',
      labelNames: ['controller'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    activeWorkers: new Gauge({
      name: 'controller_runtime_active_workers',
      help: 'Reconciliations running now',
      labelNames: ['controller'],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'workqueue_depth',
      help: 'Keys ready to be worked on',
      labelNames: ['name'],
      registers,
    }),
    queueAdds: new Counter({
      name: 'workqueue_adds_total',
      help: 'Keys that became ready',
      labelNames: ['name'],
      registers,
    }),
    queueSeconds: new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a ready key waited for a worker',
      labelNames: ['name'],
      buckets: [0.001, 0.01, 0.1, 1, 10, 100],
      registers,
    }),
    workSeconds: new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long a key was worked on',
      labelNames: ['name'],
      buckets: [0.001, 0.01, 0.1, 1, 10, 100],
      registers,
    }),
    queueRetries: new Counter({
      name: 'workqueue_retries_total',
      help: 'Keys added again because of an error',
      labelNames: ['name'],
      registers,
    }),
  }
}
