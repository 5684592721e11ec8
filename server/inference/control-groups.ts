/** The control groups that limit this process: its own and their ancestors, whose limits hold as well. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Content of a file; undefined where there is none. */
export type ReadFile = (path: string) => string | undefined

export interface ControlGroup {
  version: 1 | 2
  path: string
}

const V2_ROOT = '/sys/fs/cgroup'

/**
 * With a cgroup namespace (the usual container) the own group is the root of the mount; without one /proc/self/cgroup names
 * the path below it.
 */
export function controlGroups(read: ReadFile, controller: string, v1Roots: readonly string[]): ControlGroup[] {
  const groups: ControlGroup[] = []
  const add = (version: 1 | 2, root: string, own: string): void => {
    for (let path = own; ; path = dirname(path)) {
      groups.push({ version, path: join(root, path) })
      if (path === '/' || path === '.') return
    }
  }
  // Lines are `<hierarchy>:<controllers>:<path>`; hierarchy 0 is version 2.
  for (const line of (read('/proc/self/cgroup') ?? '0::/').trim().split('\n')) {
    const [hierarchy, controllers = '', ...rest] = line.split(':')
    const path = rest.join(':') || '/'
    if (hierarchy === '0') add(2, V2_ROOT, path)
    else if (controllers.split(',').includes(controller)) for (const root of v1Roots) add(1, root, path)
  }
  return groups
}

export const readHostFile: ReadFile = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Absent on other kernels and without the controller: no limit from there.
    return undefined
  }
}
