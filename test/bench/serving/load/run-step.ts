/** Sends the requests of one step, and waits for their answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type Dispatcher } from 'undici'
import { SPEECH, type Dialect } from './dialect.ts'
import type { AskedText, Step, StepResult } from './protocol.ts'
import { Recorder } from './recorder.ts'

/** Made once: while a server is measured nothing is left to do for a request but to send it. */
export type Bodies = Record<Dialect, Buffer[]>

export function bodiesOf(texts: readonly AskedText[]): Bodies {
  const of = (dialect: Dialect) => texts.map(({ text }) => Buffer.from(JSON.stringify(SPEECH[dialect].body(text))))
  return { predict: of('predict'), infinity: of('infinity') }
}

export async function runStep(step: Step, texts: readonly AskedText[], bodies: Bodies): Promise<StepResult> {
  const { load, order, once } = step
  const pool = new Pool(step.url, {
    // Of an open loop as many as it takes: a caller never waits for another one's connection.
    connections: load.kind === 'closed' ? load.callers : null,
    pipelining: 1,
    // A request that is not answered is waited for until the end of the step, which then counts it.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const recorder = new Recorder(texts, step.dialect)
  const begin = performance.now()
  const now = () => performance.now() - begin
  const cpuBefore = process.cpuUsage()
  const asking = new Set<Promise<void>>()
  let next = 0
  const hasMore = () => !once || next < order.length
  const ask = (intended?: number): Promise<void> => {
    const text = order[next++ % order.length] ?? 0
    const body = bodies[step.dialect][text] ?? Buffer.alloc(0)
    const sent = now()
    return request(pool, step, body, recorder, recorder.begin(text, intended ?? sent, sent), now)
  }

  if (load.kind === 'closed') {
    const call = async (): Promise<void> => {
      while (now() < step.seconds * 1000 && hasMore()) await ask()
    }
    for (let caller = 0; caller < load.callers; caller++) asking.add(call())
  } else {
    for (const arrival of load.arrivals) {
      // A timer may fire a fraction of a millisecond early, and a request before its time would gain that.
      for (let wait = arrival - now(); wait > 0; wait = arrival - now()) await sleep(Math.ceil(wait))
      const one = ask(arrival)
      asking.add(one)
      void one.then(() => asking.delete(one))
    }
  }
  const ends = new AbortController()
  await Promise.race([Promise.all(asking), timeout(step, ends.signal)])
  ends.abort()
  // Whoever is still waited for gets an error, and is recorded with it.
  await pool.destroy(new Error(`no answer within ${step.timeoutMs} ms after the last request`))
  await Promise.all(asking)
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    requests: recorder.finish(),
    elapsedMs: now(),
    cpuMs: (user + system) / 1000,
    problems: recorder.problems,
  }
}

async function timeout({ load, seconds, timeoutMs }: Step, signal: AbortSignal): Promise<void> {
  const sending = load.kind === 'closed' ? seconds * 1000 : 0
  await sleep(sending + timeoutMs, undefined, { signal }).catch(() => undefined)
}

/** Never rejects. Below undici's request(), which makes a stream of every answer. */
function request(
  pool: Dispatcher,
  { dialect, headers }: Step,
  body: Buffer,
  recorder: Recorder,
  index: number,
  now: () => number,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const chunks: Buffer[] = []
  let status = 0
  const options: Dispatcher.DispatchOptions = {
    method: 'POST',
    path: SPEECH[dialect].path,
    headers: { 'content-type': 'application/json', ...headers },
    body,
  }
  pool.dispatch(options, {
    // undici takes a handler with this method for one of its present interface.
    onRequestStart: () => undefined,
    onResponseStart(_, statusCode) {
      status = statusCode
    },
    onResponseData(_, chunk) {
      chunks.push(chunk)
    },
    onResponseEnd() {
      const [first] = chunks
      recorder.answered(index, status, chunks.length === 1 && first ? first : Buffer.concat(chunks), now())
      resolve(undefined)
    },
    onResponseError(_, error) {
      recorder.failed(index, error.message, now())
      resolve(undefined)
    },
  })
  return promise
}
