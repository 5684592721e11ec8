/**
 * Callers that ask one request after the other, half of them on kept-alive connections, half on a new one for each request: without an
 * end, or as often as they are told. Runs in a pod as `node --input-type=module -e <this> OPTIONS`, so it imports nothing but Node.
 *
 * GET / at the port gives what came of it as JSON; POST /ask?requests=N lets callers that wait for it ask N more.
 */
import http from 'node:http'

const { url, port, callers, pauseMs, texts, isIdle, keptFailures, impatient } = JSON.parse(process.argv[1])

const TIMEOUT_MS = 15_000
const IDLE_MS = 20

/** How many requests may still be sent. */
let budget = isIdle ? 0 : Infinity
const count = { sent: 0, answered: 0, failed: 0, left: 0, failures: [], versions: {}, fallbacks: {} }
/** Requests by whole milliseconds up to their answer; the last has all that took longer, and those that failed: they never had one. */
const milliseconds = new Array(TIMEOUT_MS + 1).fill(0)
const keptAlive = new http.Agent({ keepAlive: true })
const fresh = new http.Agent({ keepAlive: false })

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function failed(why, status) {
  count.failed += 1
  milliseconds[TIMEOUT_MS] += 1
  if (count.failures.length < keptFailures) count.failures.push({ at: new Date().toISOString(), why, status })
}

function answered(headers, ms) {
  const add = (counts, key) => {
    if (key !== undefined) counts[key] = (counts[key] ?? 0) + 1
  }
  count.answered += 1
  milliseconds[Math.min(TIMEOUT_MS, Math.floor(ms))] += 1
  add(count.versions, headers['x-model-version'])
  add(count.fallbacks, headers['x-valence-fallback'])
}

function hasSentiment(text) {
  try {
    return typeof JSON.parse(text).sentiment === 'string'
  } catch {
    return false
  }
}

/** What a caller gives up with: it is no failure, and no answer either. */
const LEFT = new Error('the caller has given up')

/** Ends when the request has, whichever way. */
async function ask(agent, patienceMs) {
  const body = JSON.stringify({ text: texts[count.sent % texts.length] })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const started = performance.now()
  count.sent += 1
  try {
    const { response, text } = await exchange(agent, headers, body, patienceMs)
    if (response.statusCode === 200 && hasSentiment(text)) answered(response.headers, performance.now() - started)
    else failed(`${response.statusCode} ${text.slice(0, 500)}`, response.statusCode)
  } catch (error) {
    if (error === LEFT) count.left += 1
    else failed(String(error))
  }
}

/** A connection that breaks within an answer is told twice, by the request and by the response: the first one counts. */
function exchange(agent, headers, body, patienceMs) {
  let patience
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent, timeout: TIMEOUT_MS, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ response, text }))
    })
    request.on('timeout', () => request.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)))
    request.on('error', reject)
    const leave = () => {
      reject(LEFT)
      request.destroy()
    }
    if (patienceMs !== undefined) patience = setTimeout(leave, patienceMs)
    request.end(body)
  }).finally(() => clearTimeout(patience))
}

async function callOnAndOn(agent, patienceMs) {
  for (;;) {
    if (budget === 0) {
      await sleep(IDLE_MS)
      continue
    }
    budget -= 1
    await ask(agent, patienceMs)
    if (pauseMs > 0) await sleep(pauseMs)
  }
}

function latency(share) {
  let left = share * (count.answered + count.failed)
  return milliseconds.findIndex((answers) => (left -= answers) <= 0)
}

const isImpatient = (i) => impatient !== undefined && i < Math.round(impatient.share * callers)
for (let i = 0; i < callers; i++)
  void callOnAndOn(i % 2 === 0 ? keptAlive : fresh, isImpatient(i) ? impatient.afterMs : undefined)
http
  .createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://callers')
    if (request.method === 'POST' && pathname === '/ask') budget += Number(searchParams.get('requests'))
    response.end(JSON.stringify({ ...count, latencyMs: { median: latency(0.5), p99: latency(0.99) } }))
  })
  .listen(port)
