/**
 * How fast a serving pod answers, and how well, beside the servers that it stands in for, on the cores of this machine:
 *   npm run bench -- [--artifact <folder of a version> | --data ../shared/data] [--only quality,closed,open,overload,memory,start]
 *                    [--rounds 3] [--seconds 5] [--servers 'valence int8,original fp32'] [--workloads short,long]
 *                    [--soak <seconds>] [--smoke] [--page] [--out <file>]
 * Writes docs/benchmarks/serving.json, part by part as they end, the figures of docs/benchmarks/serving.md and its pictures; the parts
 * that are not asked for stay as they are. --soak measures a long time of mixed load with bad requests, and nothing else unless --only
 * says so. --smoke tries every part in three minutes, and --servers and --workloads measure some: neither makes a report, so their
 * results go to --out (otherwise a file in the cache). --page measures nothing and writes the page anew. It needs the machine for itself.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { thisMachine, vectorInstructions } from './machine.ts'
import { say, timed } from './progress.ts'
import type { Bench } from './serving/bench.ts'
import { measureClosedLoop } from './serving/closed-loop.ts'
import { disappointmentsOf } from './serving/disappointments.ts'
import { measureMemory } from './serving/memory.ts'
import { openBench } from './serving/open-bench.ts'
import { measureOpenLoop } from './serving/open-loop.ts'
import { measureOverload } from './serving/overload.ts'
import { writePage } from './serving/page.ts'
import { measureQuality } from './serving/quality.ts'
import { ratiosOf } from './serving/ratios.ts'
import { PARTS, readResults, RESULTS_FILE, writeResults, type Part, type Results } from './serving/results.ts'
import { SIZES, type Sizes } from './serving/sizes.ts'
import { measureSoak } from './serving/soak/soak.ts'
import { measureStarts } from './serving/start-to-ready.ts'
import { WORKLOADS } from './serving/workloads.ts'

const { values } = parseArgs({
  options: {
    artifact: { type: 'string' },
    data: { type: 'string', default: '../shared/data' },
    only: { type: 'string' },
    servers: { type: 'string' },
    workloads: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    soak: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'valence', 'bench')
const sizes: Sizes = {
  ...(values.smoke ? SIZES.smoke : SIZES.report),
  ...(values.rounds !== undefined && { rounds: wholeNumber('--rounds', values.rounds) }),
  ...(values.seconds !== undefined && { seconds: wholeNumber('--seconds', values.seconds) }),
  ...(values.soak !== undefined && { soakSeconds: wholeNumber('--soak', values.soak) }),
  ...(values.servers !== undefined && { servers: values.servers.split(',') }),
  ...(values.workloads !== undefined && { workloads: oneOf('--workloads', values.workloads, WORKLOADS) }),
}
const parts = values.only === undefined ? partsUnlessTold() : oneOf('--only', values.only, PARTS)
/** Ratios are of one run with all servers: some of them make no report. */
const isReport = !values.smoke && values.servers === undefined && values.workloads === undefined
const out = values.out ?? (isReport ? RESULTS_FILE : join(cache, 'serving.json'))

const MEASURE: Record<Part, (bench: Bench) => Promise<Results>> = {
  quality: measureQuality,
  closed: measureClosedLoop,
  open: measureOpenLoop,
  overload: measureOverload,
  memory: measureMemory,
  start: measureStarts,
  soak: measureSoak,
}

if (!values.page) await measureAll()
if (out === RESULTS_FILE) await writePage()
else say(`results: ${out}`)
// Whatever an interrupted part still waits for is of no use any more.
process.exit()

async function measureAll(): Promise<void> {
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      interruption.abort(new Error(`ended by ${name}`))
    })
  mkdirSync(dirname(out), { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'valence-bench-'))
  let bench: Bench | undefined
  try {
    const { artifact, data } = values
    const wanted = { artifact, data, cache, folder, sizes, results: () => readResults(out) }
    bench = await openBench(wanted, interruption.signal)
    for (const part of PARTS.filter((one) => parts.includes(one))) await measurePart(part, bench)
    for (const disappointment of disappointmentsOf(readResults(out))) {
      say(`NOT AS PROMISED: ${disappointment}`)
      process.exitCode = 1
    }
  } catch (error) {
    console.error(error)
    process.exitCode = 1
  } finally {
    await bench?.generator.close()
    rmSync(folder, { recursive: true })
  }
}

/** The parts that had ended are kept if a later one fails. */
async function measurePart(part: Part, bench: Bench): Promise<void> {
  const { value, seconds } = await timed(part, () => MEASURE[part](bench))
  const before = readResults(out)
  const runs = [...(before.runs ?? []).filter((one) => one.part !== part), ...(value.runs ?? [])]
  const date = new Date().toISOString().slice(0, 10)
  const results: Results = {
    ...before,
    ...value,
    machine: { ...thisMachine(), instructions: vectorInstructions() },
    model: bench.model,
    ...(runs.length > 0 && { runs, ratios: ratiosOf(runs) }),
    measured: { ...before.measured, [part]: { date, seconds, command: commandOf(part) } },
  }
  await writeResults(results, out)
}

/** That repeats the part by itself. */
function commandOf(part: Part): string {
  if (part === 'soak') return `npm run bench -- --soak ${sizes.soakSeconds}`
  const { rounds, seconds } = sizes
  const options = values.smoke ? ['--smoke'] : [`--rounds ${rounds}`, `--seconds ${seconds}`]
  return ['npm run bench -- --only', part, ...options].join(' ')
}

function partsUnlessTold(): readonly Part[] {
  if (values.smoke) return PARTS
  return values.soak === undefined ? PARTS.filter((part) => part !== 'soak') : ['soak']
}

function oneOf<Name extends string>(option: string, list: string, names: readonly Name[]): Name[] {
  return list.split(',').map((given) => {
    const name = names.find((one) => one === given)
    if (name === undefined) throw new Error(`${option} ${given}: there are ${names.join(', ')}`)
    return name
  })
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${option} ${text}: a whole number from 1 is wanted`)
  return value
}
