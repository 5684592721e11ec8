import { describe, expect, test } from 'vitest'
import { blockedCreation, blockedPod, blockedServingPod, isFailing } from './blocked.ts'
import type { ContainerObservation, PodObservation, Warning } from './observed.ts'
import { containerOf, NOW, podOf, terminationOf } from './testing/factories.ts'

const blocked = (pod: Partial<PodObservation>, warnings: Warning[] = []) => blockedPod([podOf(pod)], warnings, NOW)
const waiting = (reason: string, message = '', change: Partial<ContainerObservation> = {}) => ({
  phase: 'Pending' as const,
  containers: [containerOf({ waiting: { reason, message }, ...change })],
})
const warning = (reason: string, message: string): Warning => ({ reason, message, object: 'Pod/pod-1', at: NOW })

test('a pod that runs or just starts is not blocked', () => {
  expect(blocked({})).toBeUndefined()
  expect(blocked(waiting('ContainerCreating'))).toBeUndefined()
  expect(blocked({ containers: [containerOf({ ready: true, runningSince: NOW })] })).toBeUndefined()
})

test.each<[string, Partial<PodObservation>, Warning[], object]>([
  [
    'no node fits',
    { phase: 'Pending', unschedulable: '0/2 nodes are available: 2 Insufficient nvidia.com/gpu.' },
    [],
    {
      reason: 'Unschedulable',
      object: 'Pod/pod-1',
      message: '0/2 nodes are available: 2 Insufficient nvidia.com/gpu.',
    },
  ],
  [
    'the claim is not there',
    { phase: 'Pending', unschedulable: '0/1 nodes are available: persistentvolumeclaim "reviews" not found.' },
    [],
    {
      reason: 'ClaimMissing',
      object: 'PersistentVolumeClaim/reviews',
      message: '0/1 nodes are available: persistentvolumeclaim "reviews" not found.',
    },
  ],
  [
    'the image is not to be had',
    waiting('ImagePullBackOff', 'Back-off pulling image "trainer:1": not found'),
    [],
    {
      reason: 'ImagePullFailed',
      object: 'Pod/pod-1',
      message: 'image trainer:1: ImagePullBackOff: Back-off pulling image "trainer:1": not found',
    },
  ],
  [
    'the image has no valid name',
    waiting('InvalidImageName'),
    [],
    { reason: 'ImagePullFailed', object: 'Pod/pod-1', message: 'image trainer:1: InvalidImageName' },
  ],
  [
    'a Secret is missing',
    waiting('CreateContainerConfigError', 'secret "hub" not found'),
    [],
    {
      reason: 'ConfigMissing',
      object: 'Pod/pod-1',
      message: 'container trainer: CreateContainerConfigError: secret "hub" not found',
    },
  ],
  [
    'a volume does not mount',
    waiting('ContainerCreating'),
    [warning('FailedMount', 'MountVolume.SetUp failed for volume "routing": configmap "reviews-routing" not found')],
    {
      reason: 'VolumeMountFailed',
      object: 'Pod/pod-1',
      message: 'MountVolume.SetUp failed for volume "routing": configmap "reviews-routing" not found',
    },
  ],
  [
    'the container can not be started',
    waiting('RunContainerError', 'exec: "node": not found'),
    [],
    {
      reason: 'ContainerStartFailed',
      object: 'Pod/pod-1',
      message: 'container trainer: RunContainerError: exec: "node": not found',
    },
  ],
  [
    'it was killed for memory and waits for its restart',
    waiting('CrashLoopBackOff', 'back-off 10s', {
      restartCount: 2,
      lastTerminated: terminationOf({ reason: 'OOMKilled', exitCode: 137 }),
    }),
    [],
    {
      reason: 'OutOfMemory',
      object: 'Pod/pod-1',
      message: 'container trainer was killed at its memory limit; raise resources.limits.memory',
    },
  ],
  [
    'it crashes again and again',
    waiting('CrashLoopBackOff', 'back-off 10s', {
      restartCount: 3,
      lastTerminated: terminationOf({ reason: 'Error', exitCode: 1 }),
      lastLogLine: 'Error: digest of model.int8.onnx differs',
    }),
    [],
    {
      reason: 'CrashLoop',
      object: 'Pod/pod-1',
      message: 'container trainer ended with exit code 1, 3 restarts: Error: digest of model.int8.onnx differs',
    },
  ],
])('where %s, that is the culprit', (_, pod, warnings, expected) => {
  expect(blocked(pod, warnings)).toEqual(expected)
})

test('warnings about other objects are not taken for its own', () => {
  const other = { ...warning('FailedMount', 'x'), object: 'Pod/other' }
  expect(blocked(waiting('ContainerCreating'), [other])).toBeUndefined()
})

test('a container that was once killed for memory and is ready now is not blocked', () => {
  const containers = [
    containerOf({ ready: true, restartCount: 1, lastTerminated: terminationOf({ reason: 'OOMKilled' }) }),
  ]
  expect(blocked({ containers })).toBeUndefined()
})

test('a pod that is going is not asked', () => {
  expect(blocked({ deleting: true, unschedulable: 'no node' })).toBeUndefined()
})

test('of several pods the first that is stuck is named', () => {
  const pods = [
    podOf({ name: 'a' }),
    podOf({ name: 'b', unschedulable: 'x' }),
    podOf({ name: 'c', unschedulable: 'y' }),
  ]
  expect(blockedPod(pods, [], NOW)?.object).toBe('Pod/b')
})

describe('a serving pod that runs without getting ready', () => {
  const pod = (seconds: number, lastLogLine?: string) =>
    podOf({
      containers: [
        containerOf({ name: 'server', runningSince: NOW - seconds * 1000, ...(lastLogLine && { lastLogLine }) }),
      ],
    })

  test('has a minute before its probe is the culprit', () => {
    expect(blockedServingPod([pod(60)], [], NOW)).toBeUndefined()
    expect(blockedServingPod([pod(61)], [], NOW)).toEqual({
      reason: 'ProbeFailing',
      object: 'Pod/pod-1',
      message: 'container server runs but is not ready',
    })
  })

  test('is quoted with the words of the probe and its last log line', () => {
    const warnings = [warning('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503')]
    expect(blockedServingPod([pod(61, 'golden inference failed')], warnings, NOW)?.message).toBe(
      'Readiness probe failed: HTTP probe failed with statuscode: 503: golden inference failed',
    )
  })

  test('is no matter for a Job, which has no probes', () => {
    expect(blockedPod([pod(3600)], [], NOW)).toBeUndefined()
  })
})

test.each([
  ['pods "x" is forbidden: exceeded quota: gpus, requested: 1, used: 4, limited: 4', 'QuotaExceeded'],
  ['pods "x" is forbidden: failed quota: q: must specify limits.cpu', 'QuotaExceeded'],
  ['pods "x" is forbidden: violates PodSecurity "restricted:latest"', 'AdmissionRefused'],
])('pods that are refused with "%s" are blocked by %s', (message, reason) => {
  expect(blockedCreation('Job/j', message)).toEqual({ reason, object: 'Job/j', message })
})

test('only a failing container is asked for its log', () => {
  expect(isFailing(containerOf({ ready: true, terminated: terminationOf({ exitCode: 1 }) }), NOW)).toBe(false)
  expect(isFailing(containerOf({ waiting: { reason: 'CrashLoopBackOff', message: '' } }), NOW)).toBe(true)
  expect(isFailing(containerOf({ waiting: { reason: 'ContainerCreating', message: '' } }), NOW)).toBe(false)
  expect(isFailing(containerOf({ terminated: terminationOf({ exitCode: 1 }) }), NOW)).toBe(true)
  expect(isFailing(containerOf({ terminated: terminationOf() }), NOW)).toBe(false)
  expect(isFailing(containerOf({ runningSince: NOW - 60_001 }), NOW)).toBe(true)
  expect(isFailing(containerOf({ runningSince: NOW }), NOW)).toBe(false)
})
