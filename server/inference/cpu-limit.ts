/**
 * How many CPUs this process may use: the smallest of its affinity and of the quotas of its control groups. Node's own
 * figure does not see every quota (cgroup v1, nested groups), and more workers than CPUs only take turns.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { controlGroups, readHostFile, type ControlGroup, type ReadFile } from './control-groups.ts'

const V1_ROOTS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']

export interface CpuSources {
  read: ReadFile
  /** CPUs of the affinity mask. */
  affinity: number
}

/** May be a fraction: 0.5 is half a CPU. */
export function cpuLimit(sources: CpuSources = hostSources()): number {
  const quotas = controlGroups(sources.read, 'cpu', V1_ROOTS).flatMap((group) => {
    const quota = readQuota(sources, group)
    return quota === undefined ? [] : [quota]
  })
  return Math.min(sources.affinity, ...quotas)
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
  return { affinity: availableParallelism(), read: readHostFile }
}
