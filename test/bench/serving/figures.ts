/** Tables and sentences for the page; undefined where nothing was measured. */
import { rounded } from '../progress.ts'
import { table } from '../markdown-table.ts'
import { verdictsOf } from './promises.ts'
import { BARE, PAUSED, rateWithin, saturationOf, type Who } from './ratios.ts'
import type { Results, Run } from './results.ts'
import { SERVERS } from './servers.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

type Figures = (results: Results) => string | undefined

const P99_LIMITS_MS = [50, 100, 250]
/** Beyond this share of all cores, something else on the machine has slowed a step down. */
const DISTURBED_SHARE = 0.1

export const FIGURES = {
  run: ({ machine, model, measured, runs }) => {
    if (!machine || !model || !measured) return undefined
    const { cpus, model: cpu, memoryGiB, system, node, instructions } = machine
    const on = [`${cpus} cores of ${cpu}`, instructions?.join(' '), `${memoryGiB} GiB`, system, `Node ${node}`]
    const rows = Object.entries(measured).map(([part, { date, seconds, command }]) => [
      part,
      date,
      minutes(seconds),
      `\`${command}\``,
    ])
    const disturbed = (runs ?? []).filter(({ othersCpuShare }) => othersCpuShare > DISTURBED_SHARE).length
    return [
      `${on.filter(Boolean).join(', ')}. Model: ${model.source}, at most ${model.maxLength} tokens; PyTorch ${model.torch}, transformers ${model.transformers}. All figures: [serving.json](serving.json).`,
      table(['Part', 'Date', 'Duration', 'Command'], rows),
      ...(disturbed > 0
        ? [
            `**In ${disturbed} of ${runs?.length ?? 0} steps something else on the machine used more than 10 % of its cores.**`,
          ]
        : []),
    ].join('\n\n')
  },

  promises: (results) => {
    const verdicts = verdictsOf(results)
    if (verdicts.length === 0) return undefined
    return table(
      ['Promise', 'Wanted', 'Measured', 'Kept'],
      verdicts.map(({ promise, wanted, measured, isKept }) => [promise, wanted, measured, isKept ? 'yes' : '**no**']),
    )
  },

  servers: () =>
    table(
      ['Server', 'What it is'],
      [
        ...SERVERS.map(({ name, precision, what }) => [`${name}, ${precision}`, what]),
        [BARE, 'onnxruntime-node alone: a thread for each core, token ids made beforehand, text by text or in batches'],
      ],
    ),

  saturation: ({ runs }) => {
    const who = whoOf(runs)
    if (!runs || who.length === 0) return undefined
    return table(
      ['Answers a second, at the best of all loads', ...WORKLOADS],
      who.map((one) => [nameOf(one), ...WORKLOADS.map((workload) => rate(saturationOf(runs, one, workload)))]),
    )
  },

  closed: ({ runs }) => {
    const rows = (runs ?? []).filter(({ part }) => part === 'closed')
    if (rows.length === 0) return undefined
    return WORKLOADS.flatMap((workload) => {
      const own = rows.filter((run) => run.workload === workload)
      return own.length === 0 ? [] : [`**${capital(workload)} texts**`, closedTable(own)]
    }).join('\n\n')
  },

  rates: ({ runs }) => {
    const who = whoOf(runs?.filter(({ part }) => part === 'open'))
    if (!runs || who.length === 0) return undefined
    return WORKLOADS.filter((workload) => runs.some((run) => run.part === 'open' && run.workload === workload))
      .flatMap((workload) => [
        `**${capital(workload)} texts**`,
        table(
          ['Requests a second, with p99 of at most', ...P99_LIMITS_MS.map((limit) => `${limit} ms`)],
          who.map((one) => [
            nameOf(one),
            ...P99_LIMITS_MS.map((limit) => rate(rateWithin(runs, one, workload, limit))),
          ]),
        ),
      ])
      .join('\n\n')
  },

  quality: ({ quality }) =>
    quality &&
    table(
      ['Server', 'Texts', 'Count', 'Accuracy', "PyTorch's", 'Same label', 'Largest score difference'],
      quality.map((one) => [
        nameOf(one),
        one.texts,
        number(one.count),
        percent(one.accuracy),
        percent(one.referenceAccuracy),
        percent(one.labelAgreement),
        String(one.maxScoreDifference),
      ]),
    ),

  idle: ({ runs, ratios }) => {
    const rows = WORKLOADS.flatMap((workload) => {
      const ratio = ratios?.idle?.[workload]
      const of = (server: string, load: string) =>
        runs?.find(
          (run) => run.server === server && run.load === load && run.workload === workload && run.precision === 'int8',
        )
      const pausedRatio = ratios?.idlePaused?.[workload]
      const [ours, bare, paused] = [of('valence', 'closed 1'), of(BARE, 'threads 1'), of(BARE, PAUSED)]
      if (ratio === undefined || pausedRatio === undefined || !ours || !bare || !paused) return []
      const latencies = [ours, bare, paused].map(({ p50Ms }) => `${p50Ms} ms`)
      return [[workload, ...latencies, String(ratio), String(pausedRatio)]]
    })
    const head = ['Texts', 'One caller', 'Bare run', 'Bare run with pauses', 'Ratio', 'Ratio with pauses']
    return rows.length === 0 ? undefined : table(head, rows)
  },

  overload: ({ overload }) =>
    overload &&
    table(
      [
        'Texts',
        'Capacity',
        'Offered',
        'Deadline',
        'Answers',
        'p99 of the accepted',
        'Past the deadline',
        '5xx',
        'Recovered after',
      ],
      overload.map((one) => [
        one.workload,
        `${one.capacityRps}/s`,
        `${one.offeredRps}/s`,
        `${one.deadlineMs} ms`,
        Object.entries(one.statuses)
          .map(([status, count]) => `${status === '0' ? 'none' : status}: ${number(count)}`)
          .join(', '),
        `${one.acceptedP99Ms} ms`,
        one.pastDeadline === 0 ? '0' : `${one.pastDeadline}, by up to ${one.mostPastDeadlineMs} ms`,
        String(one.serverErrors),
        one.recoverySeconds === null ? 'not within the look' : `${one.recoverySeconds} s`,
      ]),
    ),

  memory: ({ memory }) =>
    memory &&
    table(
      ['Precision', 'Workers', 'Callers', 'Highest resident memory', 'Proportional, at the end'],
      memory.map((one) => [
        one.precision,
        String(one.workers),
        String(one.callers),
        `${one.peakRssMiB} MiB`,
        `${one.pssMiB} MiB`,
      ]),
    ),

  starts: ({ starts }) =>
    starts &&
    table(
      ['Server', 'Ready after, median', 'Each start'],
      starts.map((one) => [
        nameOf(one),
        `${one.medianSeconds} s`,
        one.seconds.map((seconds) => `${seconds} s`).join(', '),
      ]),
    ),

  soak: ({ soak }) => {
    if (!soak) return undefined
    const { rssMiB, openFiles, handles } = soak
    return table(
      ['What', 'Measured'],
      [
        ['Duration', minutes(soak.seconds)],
        ['Requests of 8 callers', number(soak.requests)],
        ['Of these bad', number(soak.badRequests)],
        ['Of these given up or broken off by the caller', number(soak.abandoned)],
        ['Answered otherwise than they should, or not at all', number(soak.unexpected)],
        ["Good texts with PyTorch's label", percent(soak.sameLabel)],
        ['Resident memory: begin, end, highest', `${rssMiB.begin}, ${rssMiB.end}, ${rssMiB.peak} MiB`],
        ['Growth in the second half', `${rssMiB.growthPerHour} MiB an hour`],
        ['Open files while idle: before, after', `${openFiles.idleBefore}, ${openFiles.idleAfter}`],
        ['Handles of Node while idle: before, after', `${handles.idleBefore}, ${handles.idleAfter}`],
        ['Workers that had to be replaced', String(soak.restartedWorkers)],
      ],
    )
  },
} as const satisfies Record<string, Figures>

function closedTable(rows: readonly Run[]): string {
  return table(
    [
      ...['Server', 'Load', 'Answers/s', 'p50', 'p99', 'Failed', 'CPU ms per 1,000 tokens', 'Memory'],
      ...['Same label', 'Largest score difference', 'CPU of the load generator'],
    ],
    rows.map((run) => [
      nameOf(run),
      run.load,
      rate(run.rps),
      `${run.p50Ms} ms`,
      `${run.p99Ms} ms`,
      number(run.failures),
      String(run.cpuMsPer1000Tokens),
      `${run.rssMiB} MiB`,
      percent(run.labelAgreement),
      String(run.maxScoreDifference),
      run.server === BARE ? '' : percent(run.generatorCpuShare),
    ]),
  )
}

/** In the order in which they were measured. */
function whoOf(runs: readonly Run[] | undefined): Who[] {
  return [
    ...new Map((runs ?? []).map(({ server, precision }) => [`${server} ${precision}`, { server, precision }])).values(),
  ]
}

const nameOf = ({ server, precision }: Who) => `${server}, ${precision}`
const rate = (value: number | undefined) =>
  value === undefined ? '' : value === 0 ? 'never' : String(rounded(value, value < 100 ? 1 : 0))
const number = (value: number) => value.toLocaleString('en-US')
const percent = (share: number) => `${(100 * share).toFixed(2)} %`
const capital = (workload: Workload) => `${workload.charAt(0).toUpperCase()}${workload.slice(1)}`
const minutes = (seconds: number) => (seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`)
