/** Tables and sentences for the page; undefined where nothing was measured. */
import { table } from '../markdown-table.ts'
import type { Delays, Results } from './results.ts'

type Figures = (results: Results) => string | undefined

export const FIGURES = {
  run: ({ machine, runs }) => {
    if (!machine || !runs) return undefined
    const { cpus, model, memoryGiB, system, kubernetes, node } = machine
    const on = [`${cpus} cores of ${model}`, `${memoryGiB} GiB`, system, kubernetes && `Kubernetes ${kubernetes}`]
    const rows = Object.entries(runs).map(([part, run]) => [part, run.date, minutes(run.seconds), `\`${run.command}\``])
    return [
      `${[...on, `Node ${node}`].filter(Boolean).join(', ')}. All figures: [canary.json](canary.json).`,
      table(['Part', 'Date', 'Duration', 'Command'], rows),
    ].join('\n\n')
  },

  disruptions: ({ disruptions, requests, failedBeyondStable, latencyMs }) => {
    if (!disruptions || requests === undefined || failedBeyondStable === undefined) return undefined
    const excused = disruptions.reduce((sum, { failedWithStable }) => sum + failedWithStable, 0)
    const latency = latencyMs
      ? ` Half of all requests were answered within ${latencyMs.median} ms, 99 % within ${latencyMs.p99} ms.`
      : ''
    return [
      `**${number(requests)} requests, ${number(failedBeyondStable)} failed that stable alone would not have failed**; ${number(excused)} failed as they do when a stable pod is killed without a candidate.${latency}`,
      table(
        [
          'What happened',
          'Duration',
          'Requests',
          'Failed',
          'Of these, without an answer after a kill',
          'Of these, as with stable alone',
          'Answered by stable in its place',
          'Outcome',
        ],
        disruptions.map((one) => [
          one.what,
          `${Math.round(one.seconds)} s`,
          number(one.requests),
          number(one.failures),
          one.lost === undefined ? '' : number(one.lost),
          number(one.failedWithStable),
          number(one.fallbacks),
          one.outcome ?? '',
        ]),
      ),
    ].join('\n\n')
  },

  shares: ({ shares }) =>
    shares &&
    table(
      [
        'Stable pods',
        'Wanted',
        'Observed',
        '99.9 % band',
        'Within',
        'Requests',
        'Sent',
        'On the candidate, as pods counted',
        'Answered by it, as callers saw',
        'By stable in its place',
        'Adds up',
      ],
      shares.map((one) => [
        String(one.stablePods),
        `${one.wanted} %`,
        `${one.observed} %`,
        `${one.low} to ${one.high} %`,
        yes(one.isWithin),
        number(one.requests),
        number(one.sent),
        number(one.counted),
        number(one.answered),
        number(one.fallbacks),
        yes(one.addsUp),
      ]),
    ),

  broken: ({ brokenCandidates }) =>
    brokenCandidates &&
    table(
      [
        'A candidate that',
        'Promoted',
        'Within',
        'Requests meanwhile',
        'Failed',
        'Given up',
        'Found as it should be',
        'What the model says',
      ],
      brokenCandidates.map((one) => [
        one.kind,
        yes(one.promoted),
        `${Math.round(one.seconds)} s`,
        number(one.requests),
        number(one.failures),
        number(one.left),
        yes(one.isAsExpected),
        one.condition,
      ]),
    ),

  propagation: ({ propagationSeconds }) =>
    propagationSeconds &&
    table(
      ['Until all stable pods act by it', 'Median', 'Maximum', 'Trials'],
      [
        delays('weight 0 of a rollout that is given up, from the decision', propagationSeconds.weightZero),
        delays('the same, from the routing file', propagationSeconds.weightZeroFromFile),
        delays('a raised weight, from the routing file', propagationSeconds.weightRaisedFromFile),
      ],
    ),

  forwarding: ({ forwarding, forwardingMedianMs, forwardingMedianOf }) =>
    forwarding &&
    forwardingMedianOf &&
    [
      `**${forwardingMedianMs ?? ''} ms** at the median with ${forwardingMedianOf.callers} at once and ${pauses(forwardingMedianOf)}: the highest of those loads that leave a core free.`,
      table(
        ['Callers at once', 'Pauses between', 'Added at the median', 'Rounds, 10 % to 90 %'],
        forwarding.map(({ callers, pauseMs, addedMedianMs, p10, p90 }) => [
          String(callers),
          pauseMs === 0 ? 'none' : `${pauseMs} ms`,
          `${addedMedianMs} ms`,
          `${p10} to ${p90} ms`,
        ]),
      ),
    ].join('\n\n'),

  simulation: ({ simulation }) =>
    simulation &&
    table(
      ['Case: stable and candidate', 'False rollback', 'False promotion', 'Median requests'],
      simulation.map((one) => [
        one.case,
        one.falseRollback === null ? '' : percent(one.falseRollback),
        one.falsePromotion === null ? '' : percent(one.falsePromotion),
        number(one.medianRequests),
      ]),
    ),
} as const satisfies Record<string, Figures>

const pauses = ({ pauseMs }: { pauseMs: number }) => (pauseMs === 0 ? 'no pauses' : `pauses of ${pauseMs} ms`)
const delays = (what: string, { median, max, trials }: Delays) => [
  what,
  `${median} s`,
  `${max} s`,
  String(trials.length),
]

const number = (value: number) => value.toLocaleString('en-US')
const percent = (share: number) => `${(100 * share).toFixed(2)} %`
const minutes = (seconds: number) => (seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`)
const yes = (value: boolean) => (value ? 'yes' : 'no')
