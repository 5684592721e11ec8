/** Callers of all kinds, and what became of each request. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { SPEECH } from '../load/dialect.ts'
import { BAD_REQUESTS, type BadRequest } from './bad-requests.ts'

export interface AskedText {
  text: string
  label: string
}

export interface Count {
  requests: number
  badRequests: number
  abandoned: number
  unexpected: number
  good: number
  sameLabel: number
  problems: string[]
}

/** Of a hundred requests: bad, given up by their caller, broken off while they are sent. */
const SHARES = { bad: 0.08, abandoned: 0.01, brokenOff: 0.01 }
const TIMEOUT_MS = 20_000
const MOST_PROBLEMS = 10

/** Until the signal; each caller begins its next request once the last one has ended. */
export async function call(
  url: string,
  texts: readonly AskedText[],
  { callers, random, signal }: { callers: number; random: () => number; signal: AbortSignal },
): Promise<Count> {
  const pool = new Pool(url, { connections: callers, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS })
  const count: Count = {
    requests: 0,
    badRequests: 0,
    abandoned: 0,
    unexpected: 0,
    good: 0,
    sameLabel: 0,
    problems: [],
  }
  const complain = (problem: string): void => {
    count.unexpected++
    if (count.problems.length < MOST_PROBLEMS && !count.problems.includes(problem)) count.problems.push(problem)
  }
  let next = 0
  const one = async (): Promise<void> => {
    const kind = random()
    const asked = texts[next++ % texts.length]
    if (asked === undefined) throw new Error('there are no texts to ask')
    count.requests++
    if (kind < SHARES.brokenOff) {
      count.abandoned++
      await breakOff(url)
    } else if (kind < SHARES.brokenOff + SHARES.abandoned) {
      count.abandoned++
      await giveUp(pool, asked.text, random())
    } else if (kind < SHARES.brokenOff + SHARES.abandoned + SHARES.bad) {
      count.badRequests++
      const bad = BAD_REQUESTS[Math.floor(random() * BAD_REQUESTS.length)]
      if (bad !== undefined) await askBadly(pool, bad, complain)
    } else await ask(pool, asked, count, complain)
  }
  const work = async (): Promise<void> => {
    while (!signal.aborted) await one()
  }
  await Promise.all(Array.from({ length: callers }, work))
  await pool.close()
  return count
}

async function ask(pool: Pool, { text, label }: AskedText, count: Count, complain: (problem: string) => void) {
  try {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/predict',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    })
    const said = await body.text()
    if (statusCode !== 200) {
      complain(`a good text: ${statusCode} ${said.slice(0, 200)}`)
      return
    }
    const answer = SPEECH.predict.answer(JSON.parse(said))
    if (answer === undefined) complain(`a good text: 200 without an answer: ${said.slice(0, 200)}`)
    count.good++
    if (answer?.label === label) count.sameLabel++
  } catch (error) {
    complain(`a good text: ${String(error)}`)
  }
}

async function askBadly(pool: Pool, bad: BadRequest, complain: (problem: string) => void): Promise<void> {
  try {
    const { what, method, path, headers, statuses } = bad
    const { statusCode, body } = await pool.request({ method, path, headers, body: bad.body ?? null })
    const said = await body.text()
    if (!statuses.includes(statusCode))
      complain(`${what}: ${statusCode} instead of ${statuses.join(' or ')}: ${said.slice(0, 200)}`)
  } catch (error) {
    // A server may close the connection of a body that it won't read, while it is still being sent.
    if (bad.statuses.includes(413)) return
    complain(`${bad.what}: ${String(error)}`)
  }
}

/** A caller that leaves before its answer. */
async function giveUp(pool: Pool, text: string, after: number): Promise<void> {
  try {
    const { body } = await pool.request({
      method: 'POST',
      path: '/predict',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(1 + Math.floor(after * 30)),
    })
    await body.dump()
  } catch {
    // As it was meant.
  }
}

/** A connection that breaks in the middle of a request. */
async function breakOff(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // The server may close it first.
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const head = ['POST /predict HTTP/1.1', `Host: ${hostname}`, 'Content-Type: application/json', 'Content-Length: 100']
  socket.write([...head, '', '{"text": "a go'].join('\r\n'))
  await sleep(5)
  socket.destroy()
  await closed
}
