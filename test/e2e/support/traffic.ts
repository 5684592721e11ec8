/** Callers inside the cluster: a pod that never stops asking, half of its requests on kept-alive connections, half on new ones. */
import { pods } from '../../../operator/kube/resource.ts'
import { NAMESPACE, SERVER_IMAGE, type Cluster } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

export interface TrafficCount {
  sent: number
  answered: number
  /** Every request that did not end in a 200 with a sentiment. */
  failures: string[]
  versions: Record<string, number>
}

const SCRIPT = String.raw`
const http = require('node:http')
const count = { sent: 0, answered: 0, failures: [], versions: {} }
const keptAlive = new http.Agent({ keepAlive: true })
const fresh = new http.Agent({ keepAlive: false })
const body = JSON.stringify({ text: 'a warm, funny and moving film' })
function ask(agent) {
  return new Promise((resolve) => {
    count.sent += 1
    const failed = (why) => { count.failures.push(new Date().toISOString() + ' ' + why); resolve() }
    const request = http.request(process.argv[1], { method: 'POST', agent, timeout: 15000,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      let text = ''
      response.on('data', (chunk) => { text += chunk })
      response.on('error', (error) => failed(String(error)))
      response.on('end', () => {
        if (response.statusCode !== 200 || !JSON.parse(text).sentiment) return failed(response.statusCode + ' ' + text)
        const version = response.headers['x-model-version']
        count.versions[version] = (count.versions[version] ?? 0) + 1
        count.answered += 1
        resolve()
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer in 15 s')))
    request.on('error', (error) => failed(String(error)))
    request.end(body)
  })
}
async function loop(agent) {
  for (;;) { await ask(agent); await new Promise((resolve) => setTimeout(resolve, 50)) }
}
loop(keptAlive); loop(fresh)
http.createServer((request, response) => response.end(JSON.stringify(count))).listen(9000)
`

export async function startTraffic(
  cluster: Cluster,
  model: string,
): Promise<{ count(): Promise<TrafficCount>; stop(): Promise<void> }> {
  const name = `traffic-${model}`
  await cluster.client.apply(
    pods,
    {
      metadata: { name, namespace: NAMESPACE },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'traffic',
            image: SERVER_IMAGE,
            command: ['node', '-e', SCRIPT, `http://${model}:8000/predict`],
            resources: { requests: { cpu: '50m' }, limits: { cpu: '300m', memory: '256Mi' } },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      },
    },
    { fieldManager: 'e2e', force: true },
  )
  const count = async () => {
    const answer = await cluster.call({ kind: 'pods', name, port: 9000 }, '/')
    assert(answer.status === 200, () => `traffic pod: ${answer.status} ${answer.text}`)
    return answer.body as TrafficCount
  }
  await eventually('traffic flows', 60, async () => {
    const { answered } = await count()
    assert(answered > 5, () => `${answered} answers`)
  })
  return {
    count,
    stop: async () => {
      const pod = await cluster.client.get(pods, NAMESPACE, name)
      if (pod) await cluster.client.delete(pods, NAMESPACE, name, { preconditions: { uid: pod.metadata.uid } })
    },
  }
}
