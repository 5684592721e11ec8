/** What Prometheus may know of rollouts. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SentimentModelStatus } from '../api/v1alpha1/sentiment-model.ts'
import { endOfRollout } from '../plan/rollout/outcome.ts'

export type RolloutMetrics = ReturnType<typeof createRolloutMetrics>

const TESTS = ['harm', 'ratio', 'rate'] as const

export function createRolloutMetrics(registry: Registry) {
  const registers = [registry]
  const weight = new Gauge({
    name: 'valence_rollout_weight',
    help: 'Percent of requests for the candidate of a rollout under way: wanted, and observed in this step.',
    labelNames: ['namespace', 'model', 'kind'],
    registers,
  })
  const evidence = new Gauge({
    name: 'valence_rollout_evidence',
    help: 'E-values of a rollout under way: harm, ratio and rate. 1 is no evidence.',
    labelNames: ['namespace', 'model', 'test'],
    registers,
  })
  const decisions = new Counter({
    name: 'valence_rollout_decisions_total',
    help: 'Rollouts by how they ended: Promoted, RolledBack, Aborted or Superseded, and the reason.',
    labelNames: ['outcome', 'reason'],
    registers,
  })
  return {
    /** After the status was written. */
    written(
      { namespace, name }: { namespace: string; name: string },
      before: SentimentModelStatus | undefined,
      after: SentimentModelStatus,
    ): void {
      const labels = { namespace, model: name }
      const rollout = after.rollout?.endedAt === undefined ? after.rollout : undefined
      if (rollout) {
        weight.set({ ...labels, kind: 'wanted' }, rollout.weight)
        // A new step has observed nothing yet.
        if (rollout.observed) weight.set({ ...labels, kind: 'observed' }, rollout.observed.weight)
        else weight.remove({ ...labels, kind: 'observed' })
        for (const test of TESTS) evidence.set({ ...labels, test }, rollout.verdict?.eValues[test] ?? 1)
      } else {
        this.gone({ namespace, name })
      }
      const end = endOfRollout(before, after)
      if (end) decisions.inc({ outcome: end.outcome, reason: end.reason })
    },
    gone({ namespace, name }: { namespace: string; name: string }): void {
      const labels = { namespace, model: name }
      for (const kind of ['wanted', 'observed']) weight.remove({ ...labels, kind })
      for (const test of TESTS) evidence.remove({ ...labels, test })
    },
  }
}
