import { expect, test } from 'vitest'
import { memoryLimit } from './memory-limit.ts'

const limitOf = (files: Record<string, string>): number => memoryLimit((path) => files[path])

test('the smallest limit of version 2 counts, and `max` is none', () => {
  const own = { '/proc/self/cgroup': '0::/pods/a\n' }
  expect(limitOf({ ...own, '/sys/fs/cgroup/pods/a/memory.max': 'max\n' })).toBe(Infinity)
  const nested = { '/sys/fs/cgroup/pods/a/memory.max': 'max\n', '/sys/fs/cgroup/pods/memory.max': '2147483648\n' }
  expect(limitOf({ ...own, ...nested })).toBe(2 ** 31)
})

test('a limit of version 1 counts, and its largest value is none', () => {
  const files = {
    '/proc/self/cgroup': '4:memory:/not/visible\n1:cpu:/\n0::/\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  }
  expect(limitOf(files)).toBe(Infinity)
  expect(limitOf({ ...files, '/sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n' })).toBe(2 ** 29)
})

test('without control groups there is no limit', () => {
  expect(limitOf({})).toBe(Infinity)
})
