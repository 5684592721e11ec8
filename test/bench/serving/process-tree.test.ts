import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import {
  busyTicks,
  cpuMsOf,
  openFilesOf,
  peakRssMiBOf,
  processTicks,
  pssMiBOf,
  rssMiBOf,
  treeOf,
} from './process-tree.ts'

test('a name with spaces and parentheses does not move the fields', () => {
  expect(processTicks('42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 70 30 5 6 20 0 11 0 900 1 2')).toBe(100)
})

test('idle and iowait are not work, and guests are not counted twice', () => {
  expect(busyTicks('cpu  100 10 20 5000 300 1 2 3 50 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n')).toBe(136)
})

test('this very process has memory, CPU time and open files', () => {
  const pids = [process.pid]
  expect(rssMiBOf(pids)).toBeGreaterThan(20)
  expect(pssMiBOf(pids)).toBeGreaterThan(5)
  expect(peakRssMiBOf(pids)).toBeGreaterThan(20)
  expect(cpuMsOf(pids)).toBeGreaterThan(0)
  expect(openFilesOf(pids)).toBeGreaterThan(2)
})

test('children of children belong to the tree, and what has ended is nothing', async () => {
  const child = spawn('sh', ['-c', 'sleep 30 & echo started; wait'], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(treeOf(child.pid ?? 0)).toHaveLength(2)
  } finally {
    for (const pid of treeOf(child.pid ?? 0)) process.kill(pid, 'SIGKILL')
  }
  await new Promise((resolve) => child.once('close', resolve))
  expect(rssMiBOf([child.pid ?? 0])).toBe(0)
})
