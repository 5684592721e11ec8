import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface KubeMetrics {
  requests: Counter<'code' | 'method'>
  requestSeconds: Histogram<'method'>
  leader: Gauge<'name'>
  watchRestarts: Counter<'resource' | 'reason'>
  /** Registers where an informer's staleness is read. */
  watchStaleness: (resource: string, staleMs: () => number) => void
}

/** The names of client-go's and controller-runtime's metrics where they have one. */
export function createKubeMetrics(registry: Registry): KubeMetrics {
  const registers = [registry]
  const staleness = new Map<string, () => number>()
  new Gauge({
    name: 'kube_informer_staleness_seconds',
    help: 'Time since the API server was last heard of by this informer; bookmarks come every minute',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const [resource, staleMs] of staleness) this.set({ resource }, staleMs() / 1000)
    },
  })
  return {
    watchStaleness: (resource, staleMs) => void staleness.set(resource, staleMs),
    requests: new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by answer (`error` where there was none)',
      labelNames: ['code', 'method'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Time until the API server had answered',
      labelNames: ['method'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
      registers,
    }),
    leader: new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process holds the lease',
      labelNames: ['name'],
      registers,
    }),
    watchRestarts: new Counter({
      name: 'kube_watch_restarts_total',
      help: 'Watches begun anew, by what ended the one before',
      labelNames: ['resource', 'reason'],
      registers,
    }),
  }
}
