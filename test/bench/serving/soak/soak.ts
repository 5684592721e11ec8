/** A long time of mixed load with bad requests among the good ones: nothing is lost, and nothing is left behind. */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { rounded, say } from '../../progress.ts'
import { withServer, type Bench } from '../bench.ts'
import { openFilesOf, rssMiBOf } from '../process-tree.ts'
import type { Results } from '../results.ts'
import type { RunningServer } from '../running-server.ts'
import { seededRandom } from '../seeded-random.ts'
import { valence } from '../servers.ts'
import { call } from './callers.ts'
import { growthPerHour, type MemorySample } from './growth.ts'

const CALLERS = 8
const SEED = 7
/** Before anything is counted: allocators and compilers are done by then. */
const SETTLE_SECONDS = 30
/** Connections of callers that have left are closed by then. */
const IDLE_SECONDS = 8
const SAMPLES = { everySeconds: 5, tellEverySeconds: 300 }

export async function measureSoak(bench: Bench): Promise<Results> {
  const texts = [...bench.orders.mixed].flatMap((index) => bench.texts[index] ?? [])
  return withServer(bench, valence('int8'), async (running) => {
    const settle = Math.min(SETTLE_SECONDS, bench.sizes.soakSeconds / 4)
    const random = seededRandom(SEED)
    const callFor = (seconds: number) =>
      call(running.url, texts, {
        callers: CALLERS,
        random,
        signal: AbortSignal.any([AbortSignal.timeout(seconds * 1000), bench.signal]),
      })
    await callFor(settle)
    await sleep(IDLE_SECONDS * 1000)
    const idleBefore = await left(running)

    const samples: MemorySample[] = []
    let openFilesPeak = 0
    const began = performance.now()
    const sampling = setInterval(() => {
      const pids = running.pids()
      const seconds = (performance.now() - began) / 1000
      samples.push({ seconds, rssMiB: rssMiBOf(pids) })
      openFilesPeak = Math.max(openFilesPeak, openFilesOf(pids))
      if (samples.length % (SAMPLES.tellEverySeconds / SAMPLES.everySeconds) === 0)
        say(`  after ${seconds.toFixed(0)} s: ${samples.at(-1)?.rssMiB.toFixed(0) ?? ''} MiB`)
    }, SAMPLES.everySeconds * 1000)
    const count = await callFor(bench.sizes.soakSeconds).finally(() => {
      clearInterval(sampling)
    })
    const seconds = (performance.now() - began) / 1000
    samples.push({ seconds, rssMiB: rssMiBOf(running.pids()) })
    await sleep(IDLE_SECONDS * 1000)
    const idleAfter = await left(running)

    const rss = samples.map(({ rssMiB }) => rssMiB)
    const soak = {
      seconds: rounded(seconds),
      callers: CALLERS,
      requests: count.requests,
      badRequests: count.badRequests,
      abandoned: count.abandoned,
      unexpected: count.unexpected,
      problems: count.problems,
      sameLabel: count.good === 0 ? 0 : rounded(count.sameLabel / count.good, 5),
      rssMiB: {
        begin: rounded(rss[0] ?? 0),
        end: rounded(rss.at(-1) ?? 0),
        peak: rounded(Math.max(...rss)),
        // In the first half the heap may still find its size.
        growthPerHour: rounded(growthPerHour(samples.slice(samples.length >> 1))),
      },
      openFiles: { idleBefore: idleBefore.openFiles, idleAfter: idleAfter.openFiles, peak: openFilesPeak },
      handles: { idleBefore: idleBefore.handles, idleAfter: idleAfter.handles },
      restartedWorkers: idleAfter.restartedWorkers - idleBefore.restartedWorkers,
    }
    say(`  ${JSON.stringify(soak)}`)
    return { soak }
  })
}

/** What is there while nobody asks anything. */
async function left(running: RunningServer) {
  const { body } = await request(`${running.metricsUrl}/metrics`, { reset: true })
  const metrics = await body.text()
  return {
    openFiles: openFilesOf(running.pids()),
    handles: metric(metrics, 'nodejs_active_handles_total'),
    restartedWorkers: metric(metrics, 'inference_worker_restarts_total'),
  }
}

/** 0 where it is not there: a counter that was never counted. */
function metric(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}
