import { expect, test } from 'vitest'
import { containerOf, podOf, terminationOf } from '../testing/factories.ts'
import { crashLooping } from './hard-stops.ts'

const ended = terminationOf({ reason: 'Error', exitCode: 1 })
const looping = (restartCount: number, change = {}) =>
  podOf({
    containers: [
      containerOf({
        name: 'server',
        restartCount,
        waiting: { reason: 'CrashLoopBackOff', message: 'back-off' },
        lastTerminated: ended,
        lastLogLine: 'no such file: model.onnx',
        ...change,
      }),
    ],
  })

test('a container that has ended three times is in a loop, and its last words are told', () => {
  expect(crashLooping([looping(3)])).toMatch(
    /^Pod\/pod-1: container server ended with exit code 1, 3 restarts.*model\.onnx/,
  )
})

test('one that was killed twice is not, nor one that runs again, nor one whose pod is going', () => {
  expect(crashLooping([looping(2)])).toBeUndefined()
  expect(crashLooping([looping(9, { ready: true })])).toBeUndefined()
  expect(crashLooping([{ ...looping(9), deleting: true }])).toBeUndefined()
  expect(crashLooping([])).toBeUndefined()
})

test('one bad pod among good ones is enough', () => {
  expect(crashLooping([podOf({ containers: [containerOf({ ready: true })] }), looping(4)])).toContain('4 restarts')
})

test('one that is between two ends is named by the container that loops', () => {
  const quiet = containerOf({ name: 'server', restartCount: 5 })
  const sidecar = containerOf({ name: 'sidecar', ready: true })
  expect(crashLooping([podOf({ containers: [sidecar, quiet] })])).toBe(
    'Pod/pod-1: container server has restarted 5 times',
  )
})

test('one that is killed at its memory limit again and again is told as that', () => {
  const oom = terminationOf({ reason: 'OOMKilled', exitCode: 137 })
  expect(crashLooping([looping(3, { lastTerminated: oom })])).toContain('was killed at its memory limit')
})
