/** Whether QUICK_ROLLOUT asks for requests enough to find a version that fails one live prediction of ten. */
import { expect, test } from 'vitest'
import { rollout } from '../../../operator/api/v1alpha1/rollout.ts'
import { judge } from '../../../operator/plan/rollout/verdict.ts'
import type { Window } from '../../../operator/plan/rollout/window.ts'
import { QUICK_ROLLOUT } from '../../e2e/support/canary-model.ts'
import { randomFrom, type Random } from '../../simulation/random.ts'

const { steps, analysis } = rollout.parse(QUICK_ROLLOUT)
const RATE = 0.1
/** Good answers that each pod has left of inject.mjs' grace: two have shared 40 shadowed texts, and the golden ones besides. */
const GRACE_LEFT = 40
const RUNS = 2000
/** Of both versions, between two looks. */
const LOOK = 100

/** How a rollout ends whose candidate has so many pods, and after how many requests of both versions. */
function simulate(random: Random, pods: number): { end: string; requests: number } {
  const left = Array.from({ length: pods }, () => GRACE_LEFT)
  const fails = () => {
    const pod = Math.floor(random() * pods)
    return (left[pod] = (left[pod] ?? 0) - 1) < 0 && random() < RATE
  }
  const before: Window[] = []
  let requests = 0
  for (const [index, { weight, minRequests }] of steps.entries()) {
    const step = {
      perMille: weight * 10,
      candidate: { requests: 0, failures: 0 },
      stable: { requests: 0, failures: 0 },
    }
    for (let isOver = false; !isOver;) {
      for (let count = 0; count < LOOK; count++, requests++) {
        const arm = random() < weight / 100 ? step.candidate : step.stable
        arm.requests++
        if (arm === step.candidate && fails()) arm.failures++
      }
      const { verdict, reason } = judge([...before, step], analysis)
      if (verdict === 'RollBack') return { end: reason, requests }
      isOver = index === steps.length - 1 ? verdict === 'Pass' : step.candidate.requests >= minRequests
    }
    before.push(step)
  }
  return { end: 'Promoted', requests }
}

test.each([1, 2])('with %i pods that fail one request of ten, the comparison with stable finds it', (pods) => {
  const random = randomFrom(1)
  const runs = Array.from({ length: RUNS }, () => simulate(random, pods))
  expect(new Set(runs.map(({ end }) => end))).toEqual(new Set(['CandidateWorse']))
  // Within a minute, at the rate that four callers have on a busy machine.
  expect(Math.max(...runs.map(({ requests }) => requests))).toBeLessThan(2000)
})
