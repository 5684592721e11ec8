/** One simulated rollout: windows of counts, drawn for a case, until a rule decides. */
import type { Window } from '../../operator/plan/rollout/window.ts'
import type { Case } from './cases.ts'
import { binomial, type Random } from './random.ts'

/** Requests of one window, of both arms together: a minute at 33 requests a second. */
const WINDOW_REQUESTS = 2000
/** 24 hours of them, as rollout.deadline has by default. */
const DEADLINE_WINDOWS = 1440
const STEPS_PER_MILLE = [10, 50, 250, 500] as const
const PAUSE_PER_MILLE = 250

export type Decision = 'Continue' | 'NextStep' | 'RollBack'
/** Sees all windows so far, those of a step merged into one, and the latest window by itself. */
export type Rule = (steps: readonly Window[], latest: Window) => Decision

export interface Outcome {
  end: 'Promoted' | 'RolledBack' | 'Held'
  requests: number
}

export function simulate(subject: Case, rule: Rule, random: Random): Outcome {
  const before: Window[] = []
  let windows = 0
  const outcome = (end: Outcome['end']) => ({ end, requests: windows * WINDOW_REQUESTS })
  for (const perMille of STEPS_PER_MILLE) {
    // Shares are met exactly, so that a step is one window to the rule: merging windows of one share changes nothing.
    const step = {
      perMille,
      candidate: { requests: 0, failures: 0 },
      stable: { requests: 0, failures: 0 },
    }
    const pause = perMille === PAUSE_PER_MILLE ? (subject.pausedFor ?? 0) : 0
    for (let decision: Decision = 'Continue', age = 0; decision !== 'NextStep' || age < pause; age++) {
      if (windows++ >= DEADLINE_WINDOWS) return outcome('Held')
      const latest = draw(subject, perMille, random)
      for (const arm of ['candidate', 'stable'] as const) {
        step[arm].requests += latest[arm].requests
        step[arm].failures += latest[arm].failures
      }
      decision = rule([...before, step], latest)
      if (decision === 'RollBack') return outcome('RolledBack')
    }
    before.push(step)
  }
  return outcome('Promoted')
}

function draw(subject: Case, perMille: number, random: Random): Window {
  const candidate = (WINDOW_REQUESTS * perMille) / 1000
  const isWorse = perMille >= (subject.fromPerMille ?? 0)
  const burst = burstOf(subject, random)
  const arm = (requests: number, rate: number) => ({ requests, failures: binomial(random, requests, rate) })
  return {
    candidate: arm(candidate, (isWorse ? subject.candidate : subject.stable) + burst.candidate),
    stable: arm(WINDOW_REQUESTS - candidate, subject.stable + burst.stable),
  }
}

function burstOf({ bursts }: Case, random: Random): { candidate: number; stable: number } {
  if (!bursts || random() >= bursts.windows) return { candidate: 0, stable: 0 }
  if (bursts.arm === 'both') return { candidate: bursts.failing, stable: bursts.failing }
  const isCandidate = random() < 0.5
  return { candidate: isCandidate ? bursts.failing : 0, stable: isCandidate ? 0 : bursts.failing }
}
