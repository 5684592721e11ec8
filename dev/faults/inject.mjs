/**
 * Breaks the server in the way that its version asks for: the maximal length of an artifact stands for a fault, so that of two versions of
 * a model only one is broken, though their pods run the same image. Everything else in the pod is the real thing.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import { isMainThread } from 'node:worker_threads'

/** Maximal length of the artifact -> fault. */
const FAULTS = {
  101: 'crash-at-start',
  102: 'never-ready',
  103: 'error',
  104: 'slow',
  105: 'hang',
  106: 'reset',
  107: 'wrong-golden',
  108: 'disagree',
  109: 'half-of-pods',
  110: 'out-of-memory',
  111: 'garbage',
  112: 'refuse',
  113: 'wears-out',
  114: 'some-reset',
  115: 'some-hang',
  116: 'some-error',
}

const isServer = isMainThread && /server\/main\.js$/.test(process.argv[1] ?? '')
const fault = isServer ? FAULTS[manifest().maxLength] : undefined

function manifest() {
  return JSON.parse(fs.readFileSync(`${process.env.ARTIFACT_DIR}/manifest.json`, 'utf8'))
}

if (fault === 'crash-at-start') {
  console.error('fault injected: the process ends at its start')
  process.exit(1)
}

const retained = []

/** These begin after so many questions: golden texts and most of the shadow pass, and live requests meet the fault. */
const LATE = new Set([
  ...['error', 'slow', 'hang', 'reset', 'garbage', 'refuse', 'half-of-pods'],
  ...['some-error', 'some-hang', 'some-reset'],
])
const GRACE = 60
/** Later than analysis.latencySLO of the tests, and sooner than their rollout.candidateTimeout: it is an answer, and a slow one. */
const SLOW_MS = 1300
/** More than a candidate is waited for, unless rollout.candidateTimeout says otherwise. */
const TOO_LATE_MS = 1500
let questions = 0

/** A version that wears out answers so many predictions well, which takes it through its rehearsal and a first step of some sixty. */
const GOOD_ANSWERS = 80
let predictions = 0

/** Then of three predictions one is an error, one is late, and one is answered. The shadow asks by another path, and is answered. */
function wornOut(request, response, pass) {
  if (request.method !== 'POST' || !request.url.startsWith('/predict') || ++predictions <= GOOD_ANSWERS)
    return undefined
  const fates = [undefined, () => response.writeHead(500).end('{}'), () => setTimeout(() => pass(), TOO_LATE_MS)]
  return fates[predictions % fates.length]
}

const hash = (text) => createHash('sha256').update(text).digest().readUInt32BE()

/**
 * One live prediction of ten, whichever way it goes wrong. By the id of the request, which it keeps when it is sent once more: every tenth
 * of those that arrive would have a request that was reset answered at the second try. The shadow asks by another path, and is answered.
 */
function isOneOfTen(request) {
  return request.url.startsWith('/predict') && hash(String(request.headers['x-request-id'])) % 10 === 0
}

/** What becomes of a request instead of an answer; undefined: the server answers. */
function broken(request, response, pass) {
  const isQuestion = request.method === 'POST'
  if (isQuestion && LATE.has(fault) && ++questions <= GRACE) return undefined
  const isInfer = isQuestion && request.url.startsWith('/v2/')
  switch (fault) {
    case 'never-ready':
      return request.url === '/readyz' ? () => response.writeHead(503).end() : undefined
    case 'wears-out':
      return wornOut(request, response, pass)
    case 'slow':
      return isQuestion ? () => setTimeout(() => pass(), SLOW_MS) : undefined
    case 'error':
      return isQuestion ? () => response.writeHead(500).end('{}') : undefined
    case 'half-of-pods':
      return isQuestion && isOddPod() ? () => response.writeHead(500).end('{}') : undefined
    case 'refuse':
      return isQuestion ? () => response.writeHead(429).end('{}') : undefined
    case 'hang':
      return isQuestion ? () => undefined : undefined
    case 'reset':
      return isQuestion ? () => request.socket.destroy() : undefined
    case 'some-error':
      return isQuestion && isOneOfTen(request) ? () => response.writeHead(500).end('{}') : undefined
    case 'some-hang':
      return isQuestion && isOneOfTen(request) ? () => undefined : undefined
    case 'some-reset':
      return isQuestion && isOneOfTen(request) ? () => request.socket.destroy() : undefined
    case 'garbage':
      return isQuestion ? () => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>') : undefined
    case 'out-of-memory':
      // Golden texts pass, so that it ends under live requests.
      if (isQuestion) for (let i = 0; i < 4; i++) retained.push(Buffer.alloc(16 * 1024 * 1024, 1))
      return undefined
    case 'disagree':
      return isInfer ? () => flip(request, response) : undefined
    case 'wrong-golden':
      return isQuestion ? () => answerAlike(request, response) : undefined
    default:
      return undefined
  }
}

/** By the pod's name, which is its host name too: see isBrokenPod in kinds.ts. */
const isOddPod = () => hash(os.hostname()) % 2 === 1

function body(request, then) {
  let text = ''
  request.on('data', (chunk) => (text += chunk))
  request.on('end', () => then(JSON.parse(text)))
}

const version = () => ({ 'content-type': 'application/json', 'x-model-version': manifest().version })

function answerAlike(request, response) {
  body(request, ({ text }) => {
    const [label] = manifest().labels
    response.writeHead(200, version()).end(JSON.stringify({ text, sentiment: label, score: 0.99 }))
  })
}

/** The first label for one text and the last for the next: half of all texts disagree with any other model. */
let turn = 0
function flip(request, response) {
  body(request, ({ inputs }) => {
    const count = inputs[0].data.length
    const probabilities = Array.from({ length: count }, () => (turn++ % 2 === 0 ? [0.99, 0.01] : [0.01, 0.99])).flat()
    const { labels } = manifest()
    const sentiments = Array.from({ length: count }, (_, index) => labels[probabilities[2 * index] > 0.5 ? 0 : 1])
    const outputs = [
      { name: 'sentiment', datatype: 'BYTES', shape: [count], data: sentiments },
      { name: 'probabilities', datatype: 'FP32', shape: [count, 2], data: probabilities },
    ]
    response
      .writeHead(200, version())
      .end(JSON.stringify({ model_name: process.env.MODEL_NAME, model_version: manifest().version, outputs }))
  })
}

if (fault !== undefined) {
  console.error(`fault injected: ${fault}`)
  const emit = http.Server.prototype.emit
  http.Server.prototype.emit = function (event, ...args) {
    if (event !== 'request') return emit.call(this, event, ...args)
    const [request, response] = args
    const answer = broken(request, response, () => emit.call(this, event, ...args))
    if (answer) {
      answer()
      return true
    }
    return emit.call(this, event, ...args)
  }
}
