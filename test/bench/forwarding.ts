/**
 * What the split costs callers, between two real server processes with a tiny model on this machine:
 *   node test/bench/forwarding.ts [--rounds 20] [--requests 300] [--json]
 * forwarding: every request answered by the other version, against every request answered in process.
 * shadow: every request repeated to a candidate that hangs, against none.
 * The two sides take turns, round by round, so that a machine that grows slower does so for both.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { evidence } from '../../contract/evidence.ts'
import { HEADERS } from '../../contract/names.ts'
import type { Routing } from '../../contract/routing.ts'
import { startEntry, type Child } from '../../server/testing/child.ts'
import { writeTinyArtifactInto } from '../../server/testing/tiny-artifact-files.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    requests: { type: 'string', default: '300' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const requests = Number(values.requests)
/**
 * Without a pause eight callers take all that two cores have, and every request waits for the others: what is added then is work,
 * not delay. With pauses they are as callers are.
 */
const LOADS = [
  { callers: 1, pauseMs: 0 },
  { callers: 8, pauseMs: 0 },
  { callers: 8, pauseMs: 30 },
]
type Load = (typeof LOADS)[number]
const TEXTS = ['a good film', 'it was boring', 'i loved this movie , it was brilliant !', 'bad', 'the movie was dull .']

interface Pod {
  child: Child
  api: string
  metrics: string
}
type Shares = Pick<Routing, 'perMille' | 'shadowPerMille'>

const directory = mkdtempSync(join(tmpdir(), 'valence-bench-'))
const children: Child[] = []
const hanging = createServer(() => undefined)
let epoch = 0

try {
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  const hangingUrl = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`
  const candidate = await startPod('candidate')
  const stable = await startPod('stable')

  const forwarding = []
  const shadow = []
  for (const load of LOADS) {
    const own = { url: candidate.api, shares: { perMille: 0, shadowPerMille: 0 }, version: 'stable' }
    const forwarded = { ...own, shares: { perMille: 1000, shadowPerMille: 0 }, version: 'candidate' }
    forwarding.push({ ...load, ...(await compare(stable, own, forwarded, load)) })
    const shadowed = { ...own, url: hangingUrl, shares: { perMille: 0, shadowPerMille: 1000 } }
    shadow.push({ ...load, ...(await compare(stable, { ...own, url: hangingUrl }, shadowed, load)) })
  }
  const seen = evidence.parse(await (await fetch(`${stable.metrics}/evidence`)).json())
  if ((seen.arms['candidate']?.reasons['timeout'] ?? 0) > 0) throw new Error('the candidate was waited for in vain')
  const machine = { cpus: availableParallelism(), model: cpus()[0]?.model ?? 'unknown', node: process.versions.node }
  const hung = seen.shadow['candidate']
  if (values.json) console.log(JSON.stringify({ machine, rounds, requests, forwarding, shadow, hung }, null, 2))
  else {
    print('forwarding', forwarding)
    print('shadow at a candidate that hangs', shadow)
  }
} finally {
  for (const child of children) child.process.kill('SIGKILL')
  hanging.close()
  hanging.closeAllConnections()
  rmSync(directory, { recursive: true, force: true })
}

interface Side {
  /** Of the candidate. */
  url: string
  shares: Shares
  /** Who has to answer. */
  version: string
}
type Comparison = Awaited<ReturnType<typeof compare>>

async function compare(pod: Pod, without: Side, withIt: Side, load: Load) {
  const pool = new Pool(pod.api, { connections: load.callers })
  const sides = { without: [] as number[], with: [] as number[] }
  const differences: number[] = []
  // One round more than is counted, to warm both up.
  for (let round = -1; round < rounds; round++) {
    const medians = { without: 0, with: 0 }
    // Which one comes first alternates.
    for (const name of round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      const side = name === 'with' ? withIt : without
      await route(pod, side)
      const delays = await ask(pool, side.version, load)
      medians[name] = quantile(delays, 0.5)
      if (round >= 0) sides[name].push(...delays)
    }
    if (round >= 0) differences.push(medians.with - medians.without)
  }
  await pool.close()
  return {
    without: summaryOf(sides.without),
    with: summaryOf(sides.with),
    addedMedianMs: rounded(quantile(sides.with, 0.5) - quantile(sides.without, 0.5)),
    /** Of the differences of the rounds' medians: how sure that is. */
    addedInRounds: { p10: rounded(quantile(differences, 0.1)), p90: rounded(quantile(differences, 0.9)) },
  }
}

/** Milliseconds of each request. */
async function ask(pool: Pool, version: string, { callers, pauseMs }: Load): Promise<number[]> {
  const delays: number[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < requests) {
      const text = TEXTS[next++ % TEXTS.length]
      // Of random length, or all would come at once each time.
      if (pauseMs > 0) await sleep(2 * pauseMs * Math.random())
      const started = performance.now()
      const answer = await pool.request({
        method: 'POST',
        path: '/predict',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text }),
      })
      const body = await answer.body.text()
      delays.push(performance.now() - started)
      if (answer.statusCode !== 200 || answer.headers[HEADERS.modelVersion] !== version) {
        throw new Error(
          `${version} should have answered: ${answer.statusCode} ${body} ${JSON.stringify(answer.headers)}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, work))
  return delays
}

async function startPod(version: string): Promise<Pod> {
  const artifact = join(directory, version)
  mkdirSync(artifact)
  writeTinyArtifactInto(artifact, { version })
  const child = startEntry('main.ts', [], {
    ARTIFACT_DIR: artifact,
    ROUTING_FILE: join(directory, 'routing.json'),
    PORT: '0',
    METRICS_PORT: '0',
    WORKERS: '1',
  })
  children.push(child)
  await child.waitFor(/"msg":"ready"/)
  // The metrics port listens first; on both IP families where there are two.
  const [metrics, api] = [
    ...new Set([...child.output().matchAll(/listening at http:\/\/\S+:(\d+)/g)].map(([, port]) => port)),
  ]
  return { child, api: `http://127.0.0.1:${api}`, metrics: `http://127.0.0.1:${metrics}` }
}

/** Returns when the pod has it in force. */
async function route(pod: Pod, side: Side): Promise<void> {
  const routing: Routing = {
    epoch: ++epoch,
    stable: 'stable',
    candidate: 'candidate',
    candidateTimeoutMs: 1000,
    endpoints: { candidate: side.url },
    ...side.shares,
  }
  const file = join(directory, 'routing.json')
  writeFileSync(`${file}.new`, JSON.stringify(routing))
  renameSync(`${file}.new`, file)
  for (;;) {
    const seen = evidence.parse(await (await fetch(`${pod.metrics}/evidence`)).json())
    if (seen.epoch === epoch) return
    await sleep(20)
  }
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}

function summaryOf(delays: readonly number[]) {
  return {
    medianMs: rounded(quantile(delays, 0.5)),
    p90Ms: rounded(quantile(delays, 0.9)),
    p99Ms: rounded(quantile(delays, 0.99)),
  }
}

function print(what: string, comparisons: (Load & Comparison)[]): void {
  for (const { callers, pauseMs, addedMedianMs, addedInRounds, without, with: withIt } of comparisons) {
    console.log(
      `${what}, ${callers} at once${pauseMs === 0 ? '' : `, pauses of ${pauseMs} ms`}: ${addedMedianMs} ms at the median (rounds ${addedInRounds.p10} to ${addedInRounds.p90}); ` +
        `median ${without.medianMs} -> ${withIt.medianMs} ms, p99 ${without.p99Ms} -> ${withIt.p99Ms} ms`,
    )
  }
}
