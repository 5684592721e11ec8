import { z } from 'zod'
import { field, matches } from '../field.ts'
import { time } from './condition.ts'
import { duration } from './duration.ts'

const oneDecimal = (name: string) => ({
  // The nearest tenth is exactly the number that was written, or it had more decimals.
  cel: 'double(int(self * 10.0 + 0.5)) / 10.0 == self',
  message: `${name} must have at most one decimal`,
  holds: (value: number) => Math.trunc(value * 10 + 0.5) / 10 === value,
})

const step = field(
  z.strictObject({
    weight: field(z.number().gt(0).max(100), 'Percent of requests for the new version, to one decimal.', {
      rules: [oneDecimal('weight')],
    }),
    minRequests: field(
      z.int().min(1).max(1e9),
      'Requests that the new version must have had in this step. The last step needs analysis.minRequests too.',
    ).default(50),
    hold: duration('steps.hold', 'Least time in this step. Absent: as long as its requests take.').optional(),
  }),
  'One step of the canary.',
)

const shadow = field(
  z.strictObject({
    sample: field(
      z.number().gt(0).max(100),
      "Percent of stable's requests that the new version is asked about too, off the caller's path, to one decimal.",
      { rules: [oneDecimal('sample')] },
    ).default(10),
    minRequests: field(z.int().min(1).max(1e9), 'Texts that both versions must have judged.').default(200),
    maxDisagreement: field(
      z.number().min(0).max(1),
      'Most share of texts with another label than stable gives, 0 to 1. Absent: what the evaluation predicted, with an allowance; without a prediction 0.1.',
    ).optional(),
  }),
  'Before the first step: live texts are judged by both versions and compared. The new version answers nobody.',
)

const ratio = (description: string, by: number) => field(z.number().gt(0).lt(1), description).default(by)

const analysis = field(
  z.strictObject({
    minRequests: field(
      z.int().min(1).max(1e9),
      'Requests of the new version in the last step, without which it is never promoted.',
    ).default(500),
    maxFailureRatio: field(
      z.number().gt(1).max(1000),
      'A new version that is shown to fail less than this many times as often as stable is good enough.',
    ).default(2),
    tolerableFailureRate: ratio(
      'A new version that is shown to fail less often than this is good enough, however rarely stable fails.',
      0.01,
    ),
    latencySLO: duration(
      'analysis.latencySLO',
      'A request that takes longer counts as failed, for either version. Absent: latency is not judged.',
    ).optional(),
    alphaHarm: ratio('Chance, at most, to roll back a version that fails no more often than stable.', 0.01),
    alphaOk: ratio('Chance, at most, to promote a version that is worse by both measures.', 0.05),
  }),
  'How the evidence is judged. A failure is an answer with 5xx or 429, none in time, one that took longer than the objective, or a caller that left before it came.',
)

export const rollout = field(
  z.strictObject({
    steps: field(
      z.array(step).max(20),
      'Weights of the canary, rising. Empty: all traffic moves in one switch when the new version is accepted and ready.',
      {
        listType: 'atomic',
        rules: [
          {
            cel: 'self.map(step, step.weight).isSorted() && self.all(step, self.exists_one(other, other.weight == step.weight))',
            message: 'the weights of rollout.steps must rise from step to step',
            holds: (steps) => steps.every((one, index) => index === 0 || one.weight > (steps[index - 1]?.weight ?? 0)),
          },
        ],
      },
    ).default([]),
    shadow: shadow.optional(),
    analysis: analysis.prefault({}),
    stickyHeader: field(
      z.string().max(64),
      'Request header whose value decides which version a caller gets, so that it stays the same. Absent: each request is drawn by itself.',
      {
        rules: [
          matches(/^[A-Za-z0-9-]+$/, 'rollout.stickyHeader must be the name of a header: letters, digits and "-"'),
        ],
      },
    ).optional(),
    candidateTimeout: duration(
      'rollout.candidateTimeout',
      'The longest that the new version is waited for before the pod that was asked answers itself, and never more than half of what the caller waits.',
    ).default('1s'),
    readyDeadline: duration(
      'rollout.readyDeadline',
      'A new version whose pods are not ready by then, or whose rehearsal has not passed, is rolled back.',
    ).default('10m'),
    deadline: duration(
      'rollout.deadline',
      'A rollout that is not decided by then ends as onDeadline says. Counted from its start.',
    ).default('24h'),
    onDeadline: field(
      z.enum(['Hold', 'RollBack']),
      'Hold: the weight stays, and somebody has to decide. RollBack: all traffic goes back to the stable version.',
    ).default('Hold'),
    approval: field(
      z.enum(['Auto', 'Manual']),
      'Manual: after the last step the annotation valence.dev/approve, with the name of the version, is waited for.',
    ).default('Auto'),
    onSupersede: field(
      z.enum(['Replace', 'Queue']),
      'When the spec asks for yet another version during a rollout: Replace gives up the one under way once the newer is accepted, Queue finishes it first.',
    ).default('Replace'),
  }),
  'How traffic moves to a new version. A first version, and one that is pinned, take all of it as soon as they are ready.',
)
export type Rollout = z.infer<typeof rollout>

export const ROLLOUT_PHASES = [
  'Starting',
  'Rehearsing',
  'Shadowing',
  'Stepping',
  'AwaitingApproval',
  'Promoting',
  'RolledBack',
  'Aborted',
  'Superseded',
] as const
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number]

export const MAX_WINDOWS = 40
export const MAX_REJECTED = 50
export const MAX_COMMANDS = 30

const versionName = (description: string) => field(z.string().max(63), description)
const count = (description: string) => field(z.int().min(0), description)
const percent = (description: string) => field(z.number().min(0).max(100), description)

const arm = (description: string) =>
  field(z.object({ requests: count('Requests that fell to it.'), failures: count('Of these, failed.') }), description)

/** An annotation that asks for something, and who the API server says set it. */
export const command = field(
  z.object({
    verb: field(z.string().max(20), 'What was asked for: approve, abort, retry, promote.'),
    version: versionName('For which version.'),
    text: field(z.string().max(253), 'The whole value of the annotation, where text follows the version.').optional(),
    by: field(z.string().max(256), 'The field manager that set the annotation, as metadata.managedFields has it.'),
    at: time('When this manager last wrote, so not before it was set.').optional(),
    isOver: field(
      z.boolean(),
      'The annotation was taken away, or names another version, since. Set again, it is carried out again.',
    ).optional(),
  }),
  'A request by annotation.',
)
export type Command = z.infer<typeof command>

export const rolloutStatus = field(
  z.object({
    version: versionName('The new version.'),
    from: versionName('The version that was stable at its start.'),
    phase: field(z.enum(ROLLOUT_PHASES), 'Where the rollout is.'),
    reason: field(z.string().max(128), 'Why, as one word.'),
    message: field(z.string().max(4096), 'Why, as a sentence.'),
    by: field(
      z.string().max(300),
      'Who approved, promoted or aborted it: the field manager, and when it wrote. Absent: nobody.',
    ).optional(),
    isPaused: field(z.boolean(), 'The annotation valence.dev/pause names this version.').optional(),
    startedAt: time('When it began.'),
    endedAt: time('When it was given up.').optional(),
    withdrawnAt: time('When every stable pod had confirmed that the given up version gets nothing.').optional(),
    step: field(z.int().min(1), 'The step under way, counted from 1.').optional(),
    steps: field(z.int().min(0), 'How many steps there are.').optional(),
    weight: percent('Percent of requests that the new version is to get now.'),
    phaseSince: time('Since when it is in this phase or step, confirmed by all pods.').optional(),
    notReadySince: time('Since when the new version has too few ready pods.').optional(),
    stableDownSince: time('Since when no pod of the stable version is ready.').optional(),
    rehearsal: field(
      z.object({
        tries: count('How often it was tried.'),
        sent: count('Requests that were sent through the Service.'),
        passed: count('Of these, answered by the new version as expected.'),
        counted: count('Requests that the pods have counted.'),
        isPassed: field(z.boolean(), 'All of them.'),
        message: field(z.string().max(1024), 'What happened.'),
      }),
      'Golden texts sent through the Service with the new version forced, before any live request.',
    ).optional(),
    shadow: field(
      z.object({
        samples: count('Texts that both versions have judged.'),
        disagreements: count('Of these, with another label.'),
        negToPos: count('Of these, with a later label in the order of spec.labels.'),
        posToNeg: count('Of these, with an earlier one.'),
        distance: field(z.number().min(0), 'Sum of the distances of the answers, each 0 to 1.'),
        failures: count('Requests that the new version did not answer.'),
        dropped: count('Requests that were not sent because too many were under way.'),
        verdict: field(z.enum(['Pass', 'Hold']), 'The judgement.').optional(),
        reason: field(z.string().max(128), 'Why, as one word.').optional(),
        message: field(z.string().max(1024), 'Why, with the numbers.').optional(),
      }),
      'Live texts judged by both versions.',
    ).optional(),
    windows: field(
      z
        .array(
          field(
            z.object({
              perMille: field(z.int().min(0).max(1000), 'The weight in force, in thousandths.'),
              candidate: arm('The new version.'),
              stable: arm('The stable version.'),
            }),
            'Counts between two looks at the pods, older ones of a step added up.',
          ),
        )
        .max(MAX_WINDOWS),
      'The evidence, oldest first.',
      { listType: 'atomic' },
    ).optional(),
    failures: field(z.record(z.string(), count('How many.')), 'Failures of the new version by kind.', {
      maxProperties: 20,
    }).optional(),
    observed: field(
      z.object({
        weight: percent('Percent of the requests of this step that fell to the new version.'),
        low: percent('Lower end of its 99.9 % confidence interval.'),
        high: percent('Upper end.'),
        requests: count('Requests of this step, of both versions.'),
        isVerified: field(z.boolean(), 'Within what chance allows around the wanted weight.'),
      }),
      'The split as it was counted.',
    ).optional(),
    verdict: field(
      z.object({
        verdict: field(z.enum(['Pass', 'Hold', 'RollBack']), 'The judgement on the failures.'),
        reason: field(z.string().max(128), 'Why, as one word.'),
        message: field(z.string().max(1024), 'Why, with the numbers.'),
        eValues: field(
          z.object({
            harm: field(z.number().min(0), 'Evidence that the new version fails more often.'),
            ratio: field(z.number().min(0), 'Evidence that it fails less than maxFailureRatio times as often.'),
            rate: field(z.number().min(0), 'Evidence that it fails less often than tolerableFailureRate.'),
          }),
          'The evidence: 1 is none, 100 is a chance of one in a hundred that it is an accident.',
        ),
      }),
      'What the evidence says.',
    ).optional(),
  }),
  'The way of a new version to all of the traffic, or where it ended.',
)
export type RolloutStatus = z.infer<typeof rolloutStatus>

export const routingStatus = field(
  z.object({
    epoch: field(z.int().min(0), 'Of the routing file that the pods are to run.'),
    since: time('When it was written.'),
    lagging: field(
      z
        .array(
          field(
            z.object({
              pod: field(z.string().max(253), 'Name of the pod.'),
              message: field(z.string().max(1024), 'What it runs instead, or why it could not be asked.'),
            }),
            'A pod that has not confirmed it.',
          ),
        )
        .max(20),
      'Stable pods that have not confirmed it; the first of them.',
      { listType: 'atomic' },
    ).optional(),
  }),
  'The routing file and who runs it. Looked at during a rollout.',
)

export const rejected = field(
  z.object({
    version: versionName('The version.'),
    outcome: field(z.enum(['RolledBack', 'Aborted']), 'How its rollout ended.'),
    reason: field(z.string().max(128), 'Why, as one word.'),
    message: field(z.string().max(1024), 'Why, as a sentence.'),
    time: time('When.'),
    by: field(z.string().max(256), 'Who asked for it; absent: the evidence.').optional(),
  }),
  'A version that was given up. It comes back by the annotation valence.dev/retry only.',
)
