/** A process with all that it started, as /proc tells it: CPU time, memory, open files. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
const MIB = 2 ** 20

/** What of a process that has just ended can't be read is nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

export function treeOf(pid: number): number[] {
  const pids = [pid]
  // Grows meanwhile.
  for (const one of pids)
    for (const thread of entries(`/proc/${one}/task`))
      pids.push(...read(`/proc/${one}/task/${thread}/children`).trim().split(' ').filter(Boolean).map(Number))
  return pids
}

/** Of all threads, user and kernel, since they began; in steps of the kernel's clock, 10 ms as a rule. */
export function cpuMsOf(pids: readonly number[]): number {
  const ticks = pids.reduce((sum, pid) => sum + processTicks(read(`/proc/${pid}/stat`)), 0)
  return (ticks / TICKS_PER_SECOND) * 1000
}

/** utime and stime out of /proc/<pid>/stat; the name in parentheses before them may hold spaces. */
export function processTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

/** CPU time that the whole machine has spent on anything. */
export function machineCpuMs(): number {
  return (busyTicks(read('/proc/stat')) / TICKS_PER_SECOND) * 1000
}

/** user, nice, system, irq, softirq and steal of the first line; idle and iowait are not work, guests are in user already. */
export function busyTicks(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    stat.split('\n')[0]?.trim().split(/\s+/).slice(1).map(Number) ?? []
  return user + nice + system + irq + softirq + steal
}

export function rssMiBOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const pages = Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0)
    return sum + (pages * PAGE_BYTES) / MIB
  }, 0)
}

/** What processes share is counted once in all; costs the kernel a walk over all pages, so it is not for while something is measured. */
export function pssMiBOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kib = '0'] = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`)) ?? []
    return sum + Number(kib) / 1024
  }, 0)
}

/** The highest since the process began, or since `forgetPeaks`. Peaks of several processes need not have been at once. */
export function peakRssMiBOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kib = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? []
    return sum + Number(kib) / 1024
  }, 0)
}

export function forgetPeaks(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // It has just ended, or the kernel doesn't offer it: the peak is then that since the start, which is higher.
    }
  }
}

export function openFilesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + entries(`/proc/${pid}/fd`).length, 0)
}
