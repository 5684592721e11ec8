/** How much memory this process may use: the smallest limit of its control groups. */
import { join } from 'node:path'
import { controlGroups, readHostFile, type ReadFile } from './control-groups.ts'

const V1_ROOTS = ['/sys/fs/cgroup/memory']

/** Bytes; Infinity where nothing limits it. */
export function memoryLimit(read: ReadFile = readHostFile): number {
  const limits = controlGroups(read, 'memory', V1_ROOTS).flatMap(({ version, path }) => {
    // `max` (version 2) is not a number; version 1 writes almost 2^63 for no limit, which limits nothing either.
    const bytes = Number(read(join(path, version === 2 ? 'memory.max' : 'memory.limit_in_bytes')))
    return bytes > 0 && bytes < 2 ** 62 ? [bytes] : []
  })
  return Math.min(Infinity, ...limits)
}
