/**
 * What a canary costs callers, whether the split is exact, and whether anything broken is ever promoted, on the local cluster that
 * `npm run up` made:
 *   npm run bench:canary -- [--only disruptions,shares,broken,propagation,forwarding,simulation] [--requests 100000]
 *                           [--share-requests 20000] [--trials 10] [--page]
 * Writes docs/benchmarks/canary.json, part by part as they end, and the figures of docs/benchmarks/canary.md; the parts that are not
 * asked for stay as they are. --page measures nothing and writes the page anew. It needs the cluster for itself.
 */
import { parseArgs } from 'node:util'
import { openBench, type Bench } from './canary/bench.ts'
import { measureBroken } from './canary/broken.ts'
import { measureDisruptions } from './canary/disruptions.ts'
import { writePage } from './canary/page.ts'
import { measureForwarding, measureSimulation } from './canary/processes.ts'
import { measurePropagation } from './canary/propagation.ts'
import { PARTS, readResults, writeResults, type Part, type Results } from './canary/results.ts'
import { measureShares } from './canary/shares.ts'
import { thisMachine } from './machine.ts'
import { say, timed } from './progress.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: PARTS.join(',') },
    requests: { type: 'string', default: '100000' },
    'share-requests': { type: 'string', default: '20000' },
    trials: { type: 'string', default: '10' },
    page: { type: 'boolean', default: false },
  },
})
const only = values.only.split(',').map((name) => {
  const part = PARTS.find((one) => one === name)
  if (part === undefined) throw new Error(`--only ${name}: there are ${PARTS.join(', ')}`)
  return part
})
const requests = wholeNumber('--requests', values.requests)
const shareRequests = wholeNumber('--share-requests', values['share-requests'])
const trials = wholeNumber('--trials', values.trials)

const OF_CLUSTER: Partial<Record<Part, (bench: Bench) => Promise<Results>>> = {
  disruptions: (bench) => measureDisruptions(bench, { requests }),
  shares: (bench) => measureShares(bench, { requests: shareRequests }),
  broken: measureBroken,
  propagation: (bench) => measurePropagation(bench, { trials }),
}
const OF_PROCESSES: Partial<Record<Part, () => Promise<Results>>> = {
  forwarding: measureForwarding,
  simulation: measureSimulation,
}

if (!values.page) await measureAll()
await writePage()
// Whatever an interrupted part still waits for is of no use any more.
process.exit()

async function measureAll(): Promise<void> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const)
      process.once(name, () => {
        reject(new Error(`ended by ${name}`))
      })
  })
  // It may come when nothing waits for it.
  interrupted.catch(() => undefined)
  const bench = only.some((part) => OF_CLUSTER[part]) ? await openBench() : undefined
  try {
    for (const part of PARTS.filter((one) => only.includes(one))) {
      const measure = bench ? OF_CLUSTER[part]?.bind(undefined, bench) : undefined
      await Promise.race([interrupted, runPart(part, measure ?? OF_PROCESSES[part], bench?.kubernetes)])
    }
  } catch (error) {
    say(String(error))
    process.exitCode = 1
  } finally {
    await bench?.close()
  }
}

/** A part that fails leaves its old figures, and the other parts their turn. */
async function runPart(
  part: Part,
  measure: (() => Promise<Results>) | undefined,
  kubernetes: string | undefined,
): Promise<void> {
  if (!measure) throw new Error(`nothing measures ${part}`)
  try {
    const { value, seconds } = await timed(part, measure)
    const before = readResults()
    const date = new Date().toISOString().slice(0, 10)
    const run = { date, seconds, command: commandOf(part) }
    const cluster = kubernetes ?? before.machine?.kubernetes
    const machine = { ...thisMachine(), ...(cluster !== undefined && { kubernetes: cluster }) }
    await writeResults({ ...before, ...value, machine, runs: { ...before.runs, [part]: run } })
    if (isBad(value)) process.exitCode = 1
  } catch (error) {
    console.error(error)
    say(`${part} HAS FAILED`)
    process.exitCode = 1
  }
}

/** Not what was promised. */
function isBad({ failedBeyondStable = 0, shares = [], brokenCandidates = [] }: Results): boolean {
  return (
    failedBeyondStable > 0 ||
    shares.some(({ isWithin, addsUp }) => !isWithin || !addsUp) ||
    brokenCandidates.some(({ promoted, failures, isAsExpected }) => promoted || failures > 0 || !isAsExpected)
  )
}

/** That repeats the part by itself. */
function commandOf(part: Part): string {
  const options: Partial<Record<Part, string>> = {
    disruptions: ` --requests ${requests}`,
    shares: ` --share-requests ${shareRequests}`,
    propagation: ` --trials ${trials}`,
  }
  return `npm run bench:canary -- --only ${part}${options[part] ?? ''}`
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${option} ${text}: a whole number from 1 is wanted`)
  return value
}
