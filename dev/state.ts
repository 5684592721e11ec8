/** Where the scripts keep what they make: the layout that dev/cluster/lib.sh and dev/env know too. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

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
      return join(STATE, 'current.kubeconfig')
  }
}

/** Remembers which cluster is up, for `. dev/env` and `npm run down`. Written before the cluster is made, so that a start that fails can be undone. */
export function rememberCluster(cluster: Cluster): void {
  mkdirSync(STATE, { recursive: true })
  writeFileSync(join(STATE, 'cluster-kind'), `${cluster}\n`)
}

/** The one that is up, or was begun; undefined where there is none. */
export function knownCluster(): Cluster | undefined {
  const file = join(STATE, 'cluster-kind')
  const name = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  return CLUSTERS.find((cluster) => cluster === name)
}

/**
 * Keeps the user's context, `kubectl config view --minify --flatten -o json`, so that a context that is switched meanwhile
 * changes nothing for `. dev/env` and `npm run down`. Gives its name.
 */
export function rememberContext(kubeconfig: string, file: string = kubeconfigOf('current')): string {
  const wanted = contextOf(kubeconfig)
  if (existsSync(file)) {
    const known = contextOf(readFileSync(file, 'utf8'))
    if (known.name !== wanted.name || known.server !== wanted.server)
      throw new Error(
        `the quickstart is already up in the context '${known.name}' (${known.server}), but the current one is '${wanted.name}' (${wanted.server}): npm run down first`,
      )
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, kubeconfig, { mode: 0o600 })
  return wanted.name
}

function contextOf(kubeconfig: string): { name: string; server: string } {
  const view = JSON.parse(kubeconfig) as {
    'current-context': string
    clusters: { cluster: { server: string } }[] | null
  }
  const server = view.clusters?.[0]?.cluster.server
  if (server === undefined) throw new Error(`the context '${view['current-context']}' names no cluster`)
  return { name: view['current-context'], server }
}
