/** The cluster of `npm run up`, as the demo asks and changes it: by kubectl, as anybody would. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { stringify } from 'yaml'
import { DECISION_FILE, decision, type Decision } from '../../contract/decision.ts'
import type { SentimentModel } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { command, type CommandOptions } from '../command.ts'
import { MODEL, NAMESPACE } from '../quickstart/install.ts'
import { retry } from '../retry.ts'
import { failureText, TRAFFIC_PORT, trafficName, trafficPod, type TrafficCount } from '../traffic/traffic-pod.ts'
import type { Manifest } from './manifests.ts'

export type Model = Manifest & Pick<SentimentModel, 'metadata' | 'status'> & { metadata: { generation: number } }

export interface DemoCluster {
  /** Undefined where there is none, or no such kind. */
  findModel(): Promise<Model | undefined>
  getModel(): Promise<Model>
  /** Gives the file that was applied. */
  apply(name: string, object: object): Promise<string>
  /** Of the chart: what serving pods run unless a model says otherwise. */
  serverImage(): Promise<string>
  /** Waits until every pod of a version runs this image, or the chart's. */
  pods(version: string, image: string): Promise<void>
  startTraffic(namespace: string, image: string): Promise<void>
  traffic(namespace: string): Promise<TrafficCount>
  decisions(): Promise<Decision[]>
  /** As the commands print it. */
  listDecisions(): Promise<string>
  verify(namespace: string): Promise<string>
}

const POLL_MS = 1000
const ATTEMPTS = 5
/** The callers end by themselves when everything that could have stopped them is gone. */
const TRAFFIC_SECONDS = 3600
const DECISION_LABEL = 'valence.dev/decision'

export function demoCluster(options: CommandOptions, folder: string): DemoCluster {
  const { signal } = options
  const run = (...line: string[]) => command(['kubectl', ...line], options)
  const asked = (...line: string[]) =>
    retry(() => command(['kubectl', ...line], { ...options, isQuestion: true }), {
      attempts: ATTEMPTS,
      pauseMs: POLL_MS,
      signal,
    })
  const findModel = async () => {
    const answer = await asked('get', 'sentimentmodel', MODEL, '--ignore-not-found', '-o', 'json')
    return answer.trim() === '' ? undefined : (JSON.parse(answer) as Model)
  }
  const apply = async (name: string, object: object) => {
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${name}.yaml`)
    writeFileSync(file, stringify(object, { lineWidth: 0 }))
    await run('apply', '-f', file)
    return file
  }
  const traffic = async (namespace: string) => {
    const path = `/api/v1/namespaces/${namespace}/pods/${trafficName(MODEL)}:${String(TRAFFIC_PORT)}/proxy/`
    return JSON.parse(
      await command(['kubectl', 'get', '--raw', path], { ...options, isQuestion: true }),
    ) as TrafficCount
  }
  return {
    findModel,
    apply,
    traffic,
    async getModel() {
      const model = await findModel()
      if (!model) throw new Error(`the SentimentModel ${MODEL} has been deleted`)
      return model
    },
    async serverImage() {
      const args = await asked(
        ...['-n', NAMESPACE, 'get', 'deployment', 'valence', '-o'],
        'jsonpath={.spec.template.spec.containers[0].args}',
      )
      const flag = '--server-image='
      const found = (JSON.parse(args) as string[]).find((arg) => arg.startsWith(flag))
      if (found === undefined) throw new Error(`deployment/valence in ${NAMESPACE} has no ${flag} among its arguments`)
      return found.slice(flag.length)
    },
    async pods(version, image) {
      const wanted = async () =>
        (await asked('get', 'deployment', version, '-o', 'jsonpath={.spec.template.spec.containers[0].image}')) ===
        image
      const deadline = Date.now() + 60_000
      while (!(await wanted())) {
        if (Date.now() > deadline)
          throw new Error(
            `the operator has not given ${image} to deployment/${version} within a minute: is it running?`,
          )
        await setTimeout(POLL_MS, undefined, { signal })
      }
      await run('rollout', 'status', `deployment/${version}`, '--timeout=300s')
    },
    async startTraffic(namespace, image) {
      await run('delete', 'pod', trafficName(MODEL), '--ignore-not-found', '--wait')
      const pod = trafficPod(
        { namespace, model: MODEL, image },
        { callers: 4, pauseMs: 40, maxSeconds: TRAFFIC_SECONDS },
      )
      await apply('traffic', { apiVersion: 'v1', kind: 'Pod', ...pod })
      await run('wait', '--for=condition=Ready', `pod/${trafficName(MODEL)}`, '--timeout=120s')
      await retry(
        async () => {
          const { answered, failures } = await traffic(namespace)
          if (answered < 5) throw new Error(`${String(answered)} answers yet. ${failures.map(failureText).join('; ')}`)
        },
        { attempts: 30, pauseMs: POLL_MS, signal },
      )
    },
    async decisions() {
      const selector = `valence.dev/model=${MODEL},${DECISION_LABEL}`
      const { items } = JSON.parse(await asked('get', 'configmap', '-l', selector, '-o', 'json')) as {
        items: { data: Record<string, string> }[]
      }
      return items.map(({ data }) => decision.parse(JSON.parse(data[DECISION_FILE] ?? '')))
    },
    listDecisions: () =>
      asked('get', 'configmap', '-l', `valence.dev/model=${MODEL},${DECISION_LABEL}`, '-L', DECISION_LABEL),
    verify: (namespace) => run(...verifyCommand(namespace)),
  }
}

export const verifyCommand = (namespace: string): string[] => [
  ...['exec', '-n', NAMESPACE, 'deployment/valence', '--', 'node', 'dist/operator/verify.js'],
  ...['--namespace', namespace, '--model', MODEL],
]

/** With a signal of its own: also where the demo is interrupted. */
export async function stopTraffic(env: Readonly<Record<string, string>>, log: string): Promise<void> {
  const options = { env, log, signal: AbortSignal.timeout(60_000) }
  await command(['kubectl', 'delete', 'pod', trafficName(MODEL), '--ignore-not-found', '--wait=false'], options)
}
