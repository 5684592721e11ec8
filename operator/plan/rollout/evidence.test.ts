import { expect, test } from 'vitest'
import { laggingPods, type PodEvidence } from './evidence.ts'

const lagging = (...pods: PodEvidence[]) => laggingPods({ pods, arms: {}, shadow: {} }, 'old', 7)
const pod = (change: Partial<PodEvidence>): PodEvidence => ({ pod: 'a', version: 'old', isReady: true, ...change })

test('a pod that runs the file lags behind nobody', () => {
  expect(lagging(pod({ epoch: 7 }))).toEqual([])
})

test('a pod that runs another file is named, be it older or newer, and so is one that runs none or can not be asked', () => {
  expect(
    lagging(
      pod({ pod: 'older', epoch: 6 }),
      pod({ pod: 'newer', epoch: 8 }),
      pod({ pod: 'silent', problem: 'no answer' }),
      pod({ pod: 'unknown' }),
    ),
  ).toEqual([
    { pod: 'older', hasAnswered: true, message: 'runs routing epoch 6, wanted 7' },
    { pod: 'newer', hasAnswered: true, message: 'runs routing epoch 8, wanted 7' },
    { pod: 'silent', hasAnswered: false, message: 'no answer' },
    { pod: 'unknown', hasAnswered: true, message: 'runs routing epoch unknown, wanted 7' },
  ])
})

test('pods of other versions, and those that get no requests, are not waited for', () => {
  expect(lagging(pod({ version: 'new', epoch: 1 }), pod({ isReady: false, epoch: 1 }))).toEqual([])
})
