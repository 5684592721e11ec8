import { describe, expect, test } from 'vitest'
import type { RolloutStatus } from '../../api/v1alpha1/rollout.ts'
import { endOfRollout } from './outcome.ts'

const AT = '2030-01-01T00:00:00Z'
const running: RolloutStatus = {
  version: 'new',
  from: 'old',
  phase: 'Stepping',
  reason: 'StepStarted',
  message: '',
  startedAt: AT,
  weight: 5,
}
const ended: RolloutStatus = { ...running, phase: 'Aborted', reason: 'AbortedByHand', weight: 0, endedAt: AT }
const stable = (version: string) => ({ version, replicas: 1, readyReplicas: 1 })

describe('a rollout has ended', () => {
  test('as its record says', () => {
    expect(endOfRollout({ rollout: running }, { rollout: ended })).toMatchObject({
      outcome: 'Aborted',
      reason: 'AbortedByHand',
    })
  })

  test('by a promotion, where its version has become stable', () => {
    const promotions = [{ version: 'new', digest: '', time: AT, reason: 'PromotedByHand', from: 'old' }]
    const end = endOfRollout({ rollout: running }, { stable: stable('new'), promotions })
    expect(end).toMatchObject({ outcome: 'Promoted', reason: 'PromotedByHand', rollout: running })
  })
})

describe('no rollout has ended', () => {
  test('where none was under way, or it still is', () => {
    expect(endOfRollout(undefined, { rollout: running })).toBeUndefined()
    expect(endOfRollout({ rollout: running }, { rollout: { ...running, step: 2 } })).toBeUndefined()
  })

  test('where it had ended before', () => {
    expect(endOfRollout({ rollout: ended }, { rollout: { ...ended, withdrawnAt: AT } })).toBeUndefined()
    expect(endOfRollout({ rollout: ended }, { rollout: running, stable: stable('old') })).toBeUndefined()
  })
})
