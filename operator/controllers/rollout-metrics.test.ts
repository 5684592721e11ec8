import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { RolloutStatus } from '../api/v1alpha1/rollout.ts'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import { createRolloutMetrics } from './rollout-metrics.ts'

const KEY = { namespace: 'shop', name: 'reviews' }
const AT = '2030-01-01T00:00:00Z'

const stepping: RolloutStatus = {
  version: 'new',
  from: 'old',
  phase: 'Stepping',
  reason: 'StepStarted',
  message: '',
  startedAt: AT,
  step: 1,
  weight: 5,
  observed: { weight: 4.8, low: 4, high: 6, requests: 1000, isVerified: true },
  verdict: { verdict: 'Hold', reason: 'Undecided', message: '', eValues: { harm: 0.5, ratio: 3, rate: 20 } },
}

function watch() {
  const registry = new Registry()
  const metrics = createRolloutMetrics(registry)
  let before: SentimentModelStatus | undefined
  return {
    metrics,
    write: (after: SentimentModelStatus) => {
      metrics.written(KEY, before, after)
      before = after
    },
    /** `name{label values}`: value, of all that has a value. */
    values: async () => {
      const all = await registry.getMetricsAsJSON()
      return Object.fromEntries(
        all.flatMap(({ name, values }) =>
          values.map(({ labels, value }) => [
            [name.replace('valence_rollout_', ''), ...Object.values(labels)].join(' '),
            value,
          ]),
        ),
      )
    },
  }
}

test('a rollout under way shows its weights and its evidence', async () => {
  const { write, values } = watch()
  write({ rollout: stepping })
  expect(await values()).toEqual({
    'weight shop reviews wanted': 5,
    'weight shop reviews observed': 4.8,
    'evidence shop reviews harm': 0.5,
    'evidence shop reviews ratio': 3,
    'evidence shop reviews rate': 20,
  })
})

test('a new step shows no observed weight before there is one, and evidence of 1 where nothing was counted', async () => {
  const { write, values } = watch()
  write({ rollout: stepping })
  const { observed: _observed, verdict: _verdict, ...raised } = stepping
  write({ rollout: { ...raised, step: 2, weight: 50 } })
  expect(await values()).toEqual({
    'weight shop reviews wanted': 50,
    'evidence shop reviews harm': 1,
    'evidence shop reviews ratio': 1,
    'evidence shop reviews rate': 1,
  })
})

test('a rollback is counted once, with its reason, and shows nothing any more', async () => {
  const { write, values } = watch()
  const ended: RolloutStatus = { ...stepping, phase: 'RolledBack', reason: 'CandidateWorse', weight: 0, endedAt: AT }
  write({ rollout: stepping })
  write({ rollout: ended })
  write({ rollout: { ...ended, withdrawnAt: AT } })
  expect(await values()).toEqual({ 'decisions_total RolledBack CandidateWorse': 1 })
})

test('a promotion is counted with the reason that is on record', async () => {
  const { write, values } = watch()
  write({ rollout: { ...stepping, phase: 'Promoting', reason: 'EvidencePassed' } })
  const promotions = [{ version: 'new', digest: '', time: AT, reason: 'EvidencePassed', from: 'old' }]
  const stable = { version: 'new', replicas: 1, readyReplicas: 1 }
  write({ stable, promotions })
  write({ stable, promotions, observedGeneration: 2 })
  expect(await values()).toEqual({ 'decisions_total Promoted EvidencePassed': 1 })
})

test('a model that is gone leaves nothing behind but its decisions', async () => {
  const { write, values, metrics } = watch()
  write({ rollout: stepping })
  metrics.gone(KEY)
  expect(await values()).toEqual({})
})
