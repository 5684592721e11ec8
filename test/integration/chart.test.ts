/** The chart on a real API server: what it makes is accepted, runs under the restricted Pod Security level, and has no right too many. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../operator/config.ts'
import { type ApiServer, kubeconfig, startApiServer } from './support/api-server.ts'

const run = promisify(execFile)
const chart = new URL('../../charts/valence/', import.meta.url).pathname
const variants = (await readdir(join(chart, 'ci'))).filter((name) => name.endsWith('.yaml'))

interface Manifest {
  kind: string
  metadata: { name: string }
  spec: { template: { spec: { containers: { args: string[] }[] } } }
}

// A server of its own: the chart brings the CRDs, and other files of this project install them in their own way.
let server: ApiServer
let directory: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  server = await startApiServer()
  directory = await mkdtemp(join(tmpdir(), 'valence-chart-'))
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const bin = process.env['VALENCE_CLUSTER_BIN'] ?? join(cache, 'valence', 'cluster', 'bin')
  env = {
    PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
    KUBECONFIG: server.kubeconfigPath,
    HOME: directory,
  }
  for (const name of ['valence', 'shop', 'support', 'elsewhere']) await kubectl('create', 'namespace', name)
  await kubectl('label', 'namespace', 'valence', 'pod-security.kubernetes.io/enforce=restricted')
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

async function kubectl(...args: string[]): Promise<string> {
  return (await run('kubectl', args, { env })).stdout
}
async function helm(...args: string[]): Promise<string> {
  return (await run('helm', args, { env, maxBuffer: 16 * 1024 * 1024 })).stdout
}
async function apply(file: string, text: string, ...args: string[]): Promise<string> {
  const path = join(directory, file)
  await writeFile(path, text)
  return kubectl('apply', '--filename', path, ...args)
}

const documents = (rendered: string): Manifest[] =>
  parseAllDocuments(rendered).map((document) => document.toJS() as Manifest)

/** The exit status is 1 for a "no", so the answer is on stdout either way. */
async function mayOperator(verb: string, resource: string, namespace: string): Promise<boolean> {
  const args = ['auth', 'can-i', verb, resource, '--namespace', namespace]
  const as = ['--as', 'system:serviceaccount:valence:valence']
  try {
    return (await kubectl(...args, ...as)).trim() === 'yes'
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (stdout?.trim() === 'no') return false
    throw error
  }
}

/** The operator as the release starts it, with the token of its ServiceAccount, until it has made a model's first Job. */
async function operatorTrains(namespace: string): Promise<string> {
  const token = (await kubectl('create', 'token', 'valence', '--namespace', 'valence')).trim()
  const path = join(directory, 'operator.kubeconfig')
  await writeFile(path, kubeconfig(server.url, server.caPath, token), { mode: 0o600 })
  const deployment = documents(await helm('get', 'manifest', 'valence', '--namespace', 'valence')).find(
    (manifest) => manifest.kind === 'Deployment',
  )
  const args = deployment?.spec.template.spec.containers[0]?.args ?? []
  const main = new URL('../../operator/main.ts', import.meta.url).pathname
  const operator = spawn(process.execPath, [main, ...args, '--port=0'], {
    env: { PATH: process.env['PATH'], KUBECONFIG: path, POD_NAME: 'operator-0', POD_NAMESPACE: 'valence' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [operator.stdout, operator.stderr]) stream.on('data', (chunk) => (log += String(chunk)))
  try {
    const sample = new URL('../../samples/quickstart.yaml', import.meta.url).pathname
    await kubectl('apply', '--namespace', namespace, '--filename', sample)
    const selector = ['--selector', 'valence.dev/model=reviews', '--output', 'name']
    const hasJob = async () => (await kubectl('get', 'jobs', '--namespace', namespace, ...selector)) !== ''
    await expect.poll(hasJob, { timeout: 30_000, interval: 500, message: log }).toBe(true)
    // Its event is written after the Job.
    const hasEvent = async () =>
      (await kubectl('get', 'events.events.k8s.io', '--namespace', namespace)).includes('reviews')
    await expect.poll(hasEvent, { timeout: 30_000, interval: 500, message: log }).toBe(true)
  } finally {
    const exited = once(operator, 'exit')
    operator.kill('SIGTERM')
    await exited
  }
  return log
}

/** What the operator may do in a namespace, as the API server sums it up: verbs by group/resource. */
async function rightsOfOperator(namespace: string): Promise<Record<string, string>> {
  const path = join(directory, 'review.json')
  const kind = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview' }
  await writeFile(path, JSON.stringify({ ...kind, spec: { namespace } }))
  const as = ['--as', 'system:serviceaccount:valence:valence']
  const endpoint = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
  const { status } = JSON.parse(await kubectl('create', '--raw', endpoint, '--filename', path, ...as)) as {
    status: { resourceRules: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[] }
  }
  const rights: Record<string, string> = {}
  for (const { apiGroups, resources, resourceNames = [''], verbs } of status.resourceRules)
    for (const group of apiGroups)
      for (const resource of resources)
        for (const name of resourceNames) {
          // Everyone may ask about himself.
          if (/^auth(entication|orization)\.k8s\.io$/.test(group)) continue
          const what = [group, resource, name].filter((part) => part !== '').join('/')
          rights[what] = [...new Set([...(rights[what]?.split(' ') ?? []), ...verbs])].sort().join(' ')
        }
  return rights
}

const OPERATOR_RIGHTS = {
  'valence.dev/sentimentmodels': 'get list watch',
  'valence.dev/sentimentmodels/status': 'patch',
  'valence.dev/sentimentmodels/finalizers': 'update',
  'valence.dev/modelversions': 'create delete get list patch watch',
  'valence.dev/modelversions/status': 'patch',
  'valence.dev/modelversions/finalizers': 'update',
  'batch/jobs': 'create delete get list watch',
  'apps/deployments': 'create delete get list patch watch',
  services: 'create delete get list patch watch',
  'policy/poddisruptionbudgets': 'create delete get list patch watch',
  'autoscaling/horizontalpodautoscalers': 'create delete get list patch watch',
  configmaps: 'create delete get list patch watch',
  persistentvolumeclaims: 'create get list watch',
  'monitoring.coreos.com/servicemonitors': 'create delete get patch',
  pods: 'list patch watch',
  'pods/log': 'get',
  events: 'list',
  'events.k8s.io/events': 'create patch',
}

const serviceMonitorCrd = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: {
      kind: 'ServiceMonitor',
      plural: 'servicemonitors',
      singular: 'servicemonitor',
      listKind: 'ServiceMonitorList',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
})

describe('the chart', () => {
  test('refuses a ServiceMonitor on a cluster that has none', async () => {
    const install = helm('install', 'early', chart, '--namespace', 'elsewhere', '--set', 'serviceMonitor.enabled=true')
    await expect(install).rejects.toThrow('this cluster has no monitoring.coreos.com/v1')
  })

  test.each(variants)('renders what the API server accepts, with %s', async (values) => {
    await apply('service-monitor.json', serviceMonitorCrd)
    await kubectl('wait', '--for=condition=Established', 'crd/servicemonitors.monitoring.coreos.com', '--timeout=30s')
    const options = ['--namespace', 'valence', '--include-crds', '--api-versions', 'monitoring.coreos.com/v1']
    const rendered = await helm('template', 'check', chart, '--values', join(chart, 'ci', values), ...options)
    const accepted = await apply(`rendered-${values}`, rendered, '--dry-run=server', '--server-side')
    expect(accepted).toContain('deployment.apps/check-valence serverside-applied (server dry run)')
  })

  test.each(variants)('keeps its pods within the restricted Pod Security level, with %s', async (values) => {
    const rendered = await helm(
      'template',
      'check',
      chart,
      '--namespace',
      'valence',
      '--values',
      join(chart, 'ci', values),
      '--api-versions',
      'monitoring.coreos.com/v1',
    )
    const manifests = documents(rendered)
    const deployment = manifests.find((manifest) => manifest.kind === 'Deployment')
    const testPod = manifests.find((manifest) => manifest.kind === 'Pod')
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'operator', namespace: 'valence' },
      spec: deployment?.spec.template.spec,
    }
    expect(await apply('pod.json', JSON.stringify(pod), '--dry-run=server')).toContain('pod/operator created')
    expect(await apply('test.json', JSON.stringify(testPod), '--dry-run=server')).toContain(
      'pod/check-valence-test created',
    )

    const loose = { ...pod, spec: { ...pod.spec, securityContext: {} } }
    await expect(apply('loose.json', JSON.stringify(loose), '--dry-run=server')).rejects.toThrow('violates PodSecurity')
  })

  test('starts the operator with flags that it takes', async () => {
    const values = ['--set', 'watch.namespaces={shop,support}', '--set', 'images.registry=registry.example:5000/team']
    const rendered = await helm('template', 'check', chart, '--namespace', 'valence', ...values)
    const deployment = documents(rendered).find((manifest) => manifest.kind === 'Deployment')
    expect(parseConfig(deployment?.spec.template.spec.containers[0]?.args ?? [])).toMatchObject({
      images: {
        server: expect.stringMatching(/^registry.example:5000\/team\/valence-server:\d/) as string,
        trainer: expect.stringMatching(/^registry.example:5000\/team\/valence-trainer:\d/) as string,
      },
      watchNamespaces: ['shop', 'support'],
      leaseNamespace: 'valence',
      leaseName: 'check-valence',
      port: 8080,
    })
  })
})

describe('an installed release', () => {
  test('of cluster scope may do what the operator needs in every namespace, and no more', async () => {
    await helm('install', 'valence', chart, '--namespace', 'valence')
    expect(await rightsOfOperator('shop')).toEqual(OPERATOR_RIGHTS)
    expect(await rightsOfOperator('valence')).toEqual({
      ...OPERATOR_RIGHTS,
      'coordination.k8s.io/leases': 'create',
      'coordination.k8s.io/leases/valence': 'get update',
    })
    // The API server's own word on what matters most.
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['delete', 'sentimentmodels.valence.dev'],
    ] as const)
      expect(await mayOperator(verb, resource, 'shop'), `${verb} ${resource}`).toBe(false)
    expect(await mayOperator('update', 'leases.coordination.k8s.io/valence', 'valence')).toBe(true)
    expect(await mayOperator('update', 'leases.coordination.k8s.io/other', 'valence')).toBe(false)
  })

  test('of cluster scope has the rights to turn a model into a Job', async () => {
    expect(await operatorTrains('shop')).not.toMatch(/forbidden/i)
  })

  test('narrowed to some namespaces has no rights elsewhere', async () => {
    await helm('upgrade', 'valence', chart, '--namespace', 'valence', '--set', 'watch.namespaces={shop,support}')
    for (const namespace of ['shop', 'support']) expect(await mayOperator('create', 'jobs.batch', namespace)).toBe(true)
    for (const namespace of ['elsewhere', 'valence']) expect(await mayOperator('list', 'pods', namespace)).toBe(false)
  })

  test('narrowed to some namespaces has the rights to turn a model of theirs into a Job', async () => {
    expect(await operatorTrains('support')).not.toMatch(/forbidden/i)
  })

  test('leaves the custom resources, and with them the models, when it is uninstalled', async () => {
    await helm('uninstall', 'valence', '--namespace', 'valence')
    expect(await kubectl('get', 'deployments', '--namespace', 'valence', '--output', 'name')).toBe('')
    const crds = await kubectl('get', 'crds', '--output', 'name')
    expect(crds).toContain('sentimentmodels.valence.dev')
    expect(crds).toContain('modelversions.valence.dev')
  })
})
