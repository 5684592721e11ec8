/**
 * How many CPUs this process may use: the smallest of its affinity and of the quotas of its control groups. Node's own
 * figure does not see every quota (cgroup v1, nested groups), and more workers than CPUs only take turns.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

export interface CpuSources {
  /** Content of a file; undefined where there is none. */
  read(path: string): string | undefined
  /** CPUs of the affinity mask. */
  affinity: number
}

/** May be a fraction: 0.5 is half a CPU. */
export function cpuLimit(sources: CpuSources = hostSources()): number {
  const quotas = controlGroups(sources).flatMap((group) => {
    const quota = readQuota(sources, group)
    return quota === undefined ? [] : [quota]
  })
  return Math.min(sources.affinity, ...quotas)
}

/** One worker for each whole CPU, at least one. */
export function defaultWorkers(limit = cpuLimit()): number {
  return Math.max(1, Math.floor(limit))
}

type ControlGroup = { version: 1 | 2; path: string }

const V2_ROOT = '/sys/fs/cgroup'
const V1_ROOTS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']

/**
 * Own groups and their ancestors. With a cgroup namespace (the usual container) the own group is the root of the mount;
 * without one /proc/self/cgroup names the path below it.
 */
function controlGroups(sources: CpuSources): ControlGroup[] {
  const groups: ControlGroup[] = []
  const add = (version: 1 | 2, root: string, own: string): void => {
    for (let path = own; ; path = dirname(path)) {
      groups.push({ version, path: join(root, path) })
      if (path === '/' || path === '.') return
    }
  }
  // Lines are `<hierarchy>:<controllers>:<path>`; hierarchy 0 is version 2.
  for (const line of (sources.read('/proc/self/cgroup') ?? '0::/').trim().split('\n')) {
    const [hierarchy, controllers = '', ...rest] = line.split(':')
    const path = rest.join(':') || '/'
    if (hierarchy === '0') add(2, V2_ROOT, path)
    else if (controllers.split(',').includes('cpu')) for (const root of V1_ROOTS) add(1, root, path)
  }
  return groups
}

function readQuota(sources: CpuSources, group: ControlGroup): number | undefined {
  const [quota, period] =
    group.version === 2
      ? (sources.read(join(group.path, 'cpu.max')) ?? 'max 100000').trim().split(' ').map(Number)
      : [
          Number(sources.read(join(group.path, 'cpu.cfs_quota_us')) ?? -1),
          Number(sources.read(join(group.path, 'cpu.cfs_period_us')) ?? 100_000),
        ]
  // `max` (version 2) is not a number, -1 (version 1) is no limit.
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined
  return quota / period
}

function hostSources(): CpuSources {
  return {
    affinity: availableParallelism(),
    read(path) {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        // Absent on other kernels and without the controller: no limit from there.
        return undefined
      }
    },
  }
}
