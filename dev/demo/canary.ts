/**
 * `npm run demo:canary`, the second act of the quickstart: a new version takes over step by step while callers go on asking, and
 * one that breaks on its way is rolled back.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { SentimentModelStatus } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { command } from '../command.ts'
import { prepare } from '../prepare.ts'
import { MODEL } from '../quickstart/install.ts'
import { retry } from '../retry.ts'
import { CLUSTERS, STATE } from '../state.ts'
import { tail } from '../steps.ts'
import { failureText, type TrafficCount } from '../traffic/traffic-pod.ts'
import { demoCluster, stopTraffic, verifyCommand, type Model } from './demo-cluster.ts'
import { appliedManifest, breakable, broken, imageOf, trained, type Manifest } from './manifests.ts'
import { pointOf, withPoint, type Act, type Point, type Recording } from './recording.ts'
import { createScreen } from './screen.ts'
import { countsText, evidenceText, frame, trafficRows } from './view.ts'

const POLL_MS = 1000
/** On two cores training, evaluation and canary take three to five minutes together; an import and its rollback two. */
const ROLLOUT_MINUTES = 30
const ROLLBACK_MINUTES = 20

const [given, recordFile = '', givenImage = ''] = process.argv.slice(2)
const cluster = CLUSTERS.find((one) => one === given)
if (cluster === undefined) throw new Error(`the cluster is '${String(given)}', but there are: ${CLUSTERS.join(', ')}`)

const log = join(STATE, 'logs', 'demo', 'demo.log')
mkdirSync(dirname(log), { recursive: true })
rmSync(log, { force: true })
const screen = createScreen(process.stdout)
const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort())
const { signal } = interrupt
const { env } = prepare(cluster)
const context = { log, signal, env }
const demo = demoCluster(context, join(STATE, 'demo'))

/** Nothing is wrong with the program: the sentence is all there is to say. */
class Refusal extends Error {}

interface Watched {
  model: Model
  points: Point[]
  traffic: TrafficCount
}

type Status = SentimentModelStatus

async function main(): Promise<void> {
  const model = await settledModel()
  const { namespace } = model.metadata
  const first = model.status?.stable?.version ?? ''
  const server = await demo.serverImage()
  const base = appliedManifest(model)

  screen.say(
    '1  Pods that can break: the same server, in which some versions find a fault (spec.serving.image, until the end)',
  )
  const faulty = await faultyImage(server)
  await demo.apply('1-breakable', breakable(base, faulty))
  await demo.pods(first, faulty)

  screen.say('\n2  Callers: a pod that goes on asking, with sentences of movie reviews')
  await demo.startTraffic(namespace, server)

  screen.say(
    '\n3  A new version: trained (on half of the rows, in half of the time: a little less accurate, which its gates allow), measured,\n' +
      '   rehearsed, shadowed, and then a share of the callers, step by step. It needs evidence that it fails no more often: ratio or rate',
  )
  const next = trained(base, new Date().toISOString())
  screen.say(`   kubectl apply -f ${await demo.apply('2-new-version', breakable(next, faulty))}`)
  const rollout = await watch(namespace, ROLLOUT_MINUTES, promoted)
  const second = rollout.model.status?.stable?.version ?? ''
  const acts = [await actOf('rollout', first, second, rollout)]
  screen.say(`\n   ${second} answers instead of ${first}: ${rollout.model.status?.promotions?.at(-1)?.reason ?? ''}.`)

  screen.say(
    '\n4  A version that breaks on its way: after some eighty answers every third is an error, another one late. The same weights,\n' +
      '   imported without gates, so that only live requests can tell',
  )
  const bad = broken(next, { claim: claimOf(model), version: second })
  screen.say(`   kubectl apply -f ${await demo.apply('3-broken-version', breakable(bad, faulty))}`)
  const rollback = await watch(namespace, ROLLBACK_MINUTES, rolledBack)
  acts.push(await actOf('rollback', second, rollback.model.status?.rollout?.version ?? '', rollback))
  reportRollback(rollback.model.status ?? {}, neededBy(rollback.model))

  screen.say('\n5  The decisions on record')
  screen.say(indented(await demo.listDecisions()))
  screen.say(`   kubectl ${verifyCommand(namespace).join(' ')}`)
  screen.say(indented(await demo.verify(namespace)))
  if (recordFile !== '') writeRecording(recordFile, acts)

  const { traffic } = rollback
  await stopTraffic(env, log)
  const file = await demo.apply('4-back', next)
  await demo.pods(second, imageOf(next) ?? server)
  screen.say(`\nThe callers are gone, and the spec asks for ${second} again (${file}). What they had:`)
  for (const line of trafficRows(traffic)) screen.say(line)
  if (traffic.failed > 0) {
    process.exitCode = 1
    const failures = traffic.failures.slice(0, 10).map(failureText).join('\n')
    screen.say(`\nRequests failed, which none should have:\n${indented(failures)}`)
  }
  screen.say(`
Try next, in a shell with . dev/env:
  kubectl events --for sentimentmodel/${MODEL}                   # they tell the story, in order
  kubectl get configmap -l valence.dev/decision -o yaml        # every decision with its counts
  kubectl get sentimentmodel ${MODEL} -o jsonpath='{.status.promotions}'
  kubectl patch sm ${MODEL} --type merge -p '{"spec": {"serving": {"version": "${first}"}}}'   # back, in seconds
  docs/canary.md                                               # how a canary is written, watched and steered
  npm run up                                                   # the quickstart's own version again
The versions of the demo stay in the model's history, and the decisions on record.`)
}

/** The model of `npm run up`, in a state from which the demo can begin. */
async function settledModel(): Promise<Model> {
  const model = await demo.findModel().catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Refusal(
      `the cluster does not answer, or has no SentimentModels: npm run up, then again (log: ${log}): ${String(error)}`,
    )
  })
  if (!model) throw new Refusal(`there is no SentimentModel ${MODEL}: npm run up makes it, then try again`)
  const pin = (model.spec['serving'] as { version?: string } | undefined)?.version
  if (pin !== undefined) {
    const unpin = `kubectl patch sm ${MODEL} --type merge -p '{"spec": {"serving": {"version": null}}}'`
    throw new Refusal(`${MODEL} is pinned to ${pin}, so no version takes over: ${unpin}`)
  }
  if (conditionOf(model, 'Ready')?.status !== 'True' || conditionOf(model, 'Promoted')?.status !== 'True') {
    const message = conditionOf(model, 'Promoted')?.message ?? 'it has no status yet'
    throw new Refusal(
      `${MODEL} is not settled: ${message}. Wait for it, or go back to the quickstart's version by npm run up`,
    )
  }
  return model
}

async function faultyImage(server: string): Promise<string> {
  if (givenImage !== '') return givenImage
  if (cluster === 'current') {
    const name = server.replace('valence-server', 'valence-faulty')
    throw new Refusal(
      `a cluster of yours has to pull the image that breaks. Build and push it, and name it:
  docker build --build-arg BASE=${server} --tag ${name} dev/faults && docker push ${name}
  npm run demo:canary -- --faulty-image ${name}`,
    )
  }
  return (await command(['dev/faults/image.sh', server], { ...context, timeoutSeconds: 600 })).trim()
}

/** Shows the model and the callers until the check gives true. The check throws where that can't be any more. */
async function watch(namespace: string, minutes: number, isDone: (model: Model) => boolean): Promise<Watched> {
  const deadline = Date.now() + minutes * 60_000
  let points: Point[] = []
  let version: string | undefined
  let counted: TrafficCount | undefined
  for (;;) {
    const model = await demo.getModel()
    const status = model.status ?? {}
    // A question that is missed is asked again in a second.
    counted = await demo.traffic(namespace).catch(() => counted)
    const { rollout } = status
    // What stands there at first is how the last rollout ended.
    if (rollout && rollout.version !== version) points = []
    if (rollout) points = withPoint(points, pointOf(rollout, new Date().toISOString()))
    version = rollout?.version ?? version
    screen.show(frame({ status, traffic: counted, needed: neededBy(model) }))
    if (isDone(model)) {
      const traffic = await retry(() => demo.traffic(namespace), { attempts: 10, pauseMs: POLL_MS, signal })
      return { model, points, traffic }
    }
    if (Date.now() > deadline)
      throw new Error(`not done within ${minutes} minutes: ${conditionOf(model, 'Progressing')?.message ?? ''}`)
    await setTimeout(POLL_MS, undefined, { signal })
  }
}

function promoted(model: Model): boolean {
  assertAlive(model)
  const found = conditionOf(model, 'Promoted')
  if (found?.status === 'False' && (found.reason === 'RolledBack' || found.reason === 'Aborted'))
    throw new Error(`the good version was not promoted: ${found.message}`)
  return found?.status === 'True'
}

/** Also that every pod has confirmed that the version gets nothing any more. */
function rolledBack(model: Model): boolean {
  assertAlive(model)
  const found = conditionOf(model, 'Promoted')
  if (found?.status === 'True') throw new Error(`the broken version was promoted: ${found.message}`)
  return found?.reason === 'RolledBack' && model.status?.rollout?.withdrawnAt !== undefined
}

/** Of a version that failed or missed a gate no rollout begins. */
function assertAlive(model: Model): void {
  for (const type of ['Trained', 'Gated']) {
    const found = conditionOf(model, type)
    const isOver = ['Failed', 'Rejected'].includes(model.status?.candidate?.phase ?? '')
    if (found?.status === 'False' && isOver) throw new Error(`${type} is ${found.reason}: ${found.message}`)
  }
}

/** What is said of the spec as it is now. */
function conditionOf(model: Model, type: string) {
  const found = model.status?.conditions?.find((one) => one.type === type)
  return found?.observedGeneration === model.metadata.generation ? found : undefined
}

function neededBy(model: Model): { harm: number; pass: number } {
  const { alphaHarm = 0.01, alphaOk = 0.05 } =
    (model.spec['rollout'] as { analysis?: { alphaHarm?: number; alphaOk?: number } } | undefined)?.analysis ?? {}
  return { harm: 1 / alphaHarm, pass: 2 / alphaOk }
}

const claimOf = ({ spec }: Manifest) =>
  (spec['storage'] as { claimName?: string } | undefined)?.claimName ?? `${MODEL}-artifacts`

function reportRollback({ rollout }: Status, needed: { harm: number; pass: number }): void {
  if (!rollout) return
  const { version, reason, message, verdict, failures = {}, step, endedAt = '', withdrawnAt = '' } = rollout
  const seconds = (Date.parse(withdrawnAt) - Date.parse(endedAt)) / 1000
  screen.say(`\n   ${version} was rolled back in step ${step ?? 1}, ${reason}:`)
  screen.say(`   ${message}`)
  if (verdict) screen.say(`   evidence: ${evidenceText(verdict.eValues, needed)}`)
  screen.say(`   its failures until then: ${countsText(failures)}`)
  screen.say(`   every pod had confirmed within ${seconds} s that it gets nothing`)
}

async function actOf(
  name: Act['name'],
  from: string,
  candidate: string,
  { model, points, traffic }: Watched,
): Promise<Act> {
  const { rollout, promotions } = model.status ?? {}
  const decision = (await demo.decisions())
    .filter((one) => one.candidate.version === candidate)
    .sort((a, b) => a.number - b.number)
    .at(-1)
  const promotion = promotions?.at(-1)
  const isPromoted = promotion?.version === candidate
  return {
    name,
    from,
    candidate,
    points,
    end: {
      at: (isPromoted ? promotion.time : rollout?.endedAt) ?? new Date().toISOString(),
      outcome: isPromoted ? 'Promoted' : (rollout?.phase ?? 'unknown'),
      reason: (isPromoted ? promotion.reason : rollout?.reason) ?? 'unknown',
      message: decision?.message ?? rollout?.message ?? '',
    },
    needed: neededBy(model),
    callers: { sent: traffic.sent, failed: traffic.failed },
    ...(decision && { decision }),
  }
}

function writeRecording(file: string, acts: Act[]): void {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
  const recorded: Recording = { schemaVersion: 1, model: MODEL, machine, acts }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`)
  screen.say(`   recorded in ${file}: node docs/plot-rollout.ts ${file} draws it`)
}

const indented = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n')

try {
  await main()
} catch (error) {
  process.exitCode = 1
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Refusal) screen.say(`error: ${message}`)
  else {
    screen.say(signal.aborted ? '\ninterrupted' : `\nerror: ${message}\n${tail(log, 20)}`)
    const callers = await stopTraffic(env, log).then(
      () => 'The callers are gone.',
      (failure: unknown) => `The pod of the callers may be left, and ends within the hour: ${String(failure)}.`,
    )
    screen.say(
      `${callers} ${MODEL} is as the demo left it; npm run up brings the quickstart's version back. Log: ${log}`,
    )
  }
}
