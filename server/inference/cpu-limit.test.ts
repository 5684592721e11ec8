import { expect, test } from 'vitest'
import { cpuLimit } from './cpu-limit.ts'

const sources = (affinity: number, files: Record<string, string>) => ({ affinity, read: (path: string) => files[path] })

test('without control groups the affinity counts', () => {
  expect(cpuLimit(sources(6, {}))).toBe(6)
})

test('a quota of version 2 counts', () => {
  const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' }
  expect(cpuLimit(sources(8, files))).toBe(1.5)
})

test('no quota of version 2 is no limit', () => {
  expect(cpuLimit(sources(8, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }))).toBe(8)
})

test('the smallest of the own group and its ancestors counts', () => {
  const files = {
    '/proc/self/cgroup': '0::/kubepods/pod1/container\n',
    '/sys/fs/cgroup/kubepods/pod1/container/cpu.max': 'max 100000',
    '/sys/fs/cgroup/kubepods/pod1/cpu.max': '200000 100000',
    '/sys/fs/cgroup/kubepods/cpu.max': '700000 100000',
  }
  expect(cpuLimit(sources(8, files))).toBe(2)
})

test('a quota of version 1 counts, under either name of the controller', () => {
  const cgroup = { '/proc/self/cgroup': '3:cpuset:/\n1:cpu,cpuacct:/pods/a\n0::/\n' }
  const quota = (root: string) => ({
    [`${root}/pods/a/cpu.cfs_quota_us`]: '300000\n',
    [`${root}/pods/a/cpu.cfs_period_us`]: '100000\n',
    [`${root}/cpu.cfs_quota_us`]: '-1\n',
  })
  expect(cpuLimit(sources(8, { ...cgroup, ...quota('/sys/fs/cgroup/cpu') }))).toBe(3)
  expect(cpuLimit(sources(8, { ...cgroup, ...quota('/sys/fs/cgroup/cpu,cpuacct') }))).toBe(3)
})

test('in a namespace the mount itself is the own group, whatever path is named', () => {
  const files = {
    '/proc/self/cgroup': '1:cpu:/not/visible\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '250000',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
  }
  expect(cpuLimit(sources(8, files))).toBe(2.5)
})
