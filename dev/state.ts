/** Where the scripts keep what they make: the layout that dev/cluster/lib.sh and dev/env know too. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const STATE = join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'valence')
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'valence')
export const PROGRAMS = join(CACHE, 'cluster', 'bin')

export const CLUSTERS = ['stock', 'kind', 'current'] as const
export type Cluster = (typeof CLUSTERS)[number]

export const kubeconfigOf = (cluster: Cluster): string => {
  switch (cluster) {
    case 'stock':
      return join(STATE, 'cluster', 'run', 'admin.kubeconfig')
    case 'kind':
      return join(STATE, 'kind.kubeconfig')
    case 'current':
      return process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config')
  }
}

/** Remembers which cluster is up, for `. dev/env` and `npm run down`. Written before the cluster is made, so that a start that fails can be undone. */
export function rememberCluster(cluster: Cluster): void {
  mkdirSync(STATE, { recursive: true })
  writeFileSync(join(STATE, 'cluster-kind'), `${cluster}\n`)
  writeFileSync(join(STATE, 'kubeconfig-path'), `${kubeconfigOf(cluster)}\n`)
}
