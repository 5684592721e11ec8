import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** A real etcd and kube-apiserver, and nothing else: no controller, scheduler or node. Pods never run, nothing is garbage-collected. */
export interface ApiServer {
  /** Of `admin`, a member of system:masters. */
  kubeconfigPath: string
  url: string
  caPath: string
  /**
   * Bearer tokens by user name, for Authorization headers and kubeconfigs of one's own. `limited` may do nothing until a
   * RoleBinding to the user `limited` says otherwise.
   */
  tokens: Record<'admin' | 'limited', string>
  /** Stops the API server and starts it again on the same port and data. */
  restart: () => Promise<void>
  /** Ends both processes and removes their data. */
  stop: () => Promise<void>
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000

export async function startApiServer(): Promise<ApiServer> {
  const bin = clusterBin()
  const directory = await mkdtemp(join(tmpdir(), 'valence-api-server-'))
  const children = new Set<ChildProcess>()
  // Also when this process ends without a chance to clean up asynchronously.
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  process.once('exit', killAll)
  const stop = async () => {
    await Promise.all([...children].map(endProcess))
    process.off('exit', killAll)
    await rm(directory, { recursive: true, force: true })
  }
  const start = (program: string, args: string[]) => {
    const child = spawn(join(bin, program), args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const log = createWriteStream(join(directory, `${program}.log`), { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }

  try {
    const [apiPort, etcdPort, peerPort] = await freePorts()
    const etcd = `http://127.0.0.1:${etcdPort}`
    const peer = `http://127.0.0.1:${peerPort}`
    const tokens = { admin: randomBytes(16).toString('hex'), limited: randomBytes(16).toString('hex') }
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const path = (name: string) => join(directory, name)
    const write = (name: string, text: string | Buffer) => writeFile(path(name), text, { mode: 0o600 })
    await write('service-account.key', privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await write('service-account.pub', publicKey.export({ type: 'spki', format: 'pem' }))
    await write('tokens.csv', `${tokens.admin},admin,1,"system:masters"\n${tokens.limited},limited,2,""\n`)

    start('etcd', [
      ...['--name', 'test', '--data-dir', path('etcd'), '--log-level', 'warn', '--unsafe-no-fsync'],
      ...['--listen-client-urls', etcd, '--advertise-client-urls', etcd],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
    ])
    const url = `https://127.0.0.1:${apiPort}`
    const certificates = path('certificates')
    // It makes its own serving certificate there, which is its own CA too.
    const caPath = join(certificates, 'apiserver.crt')
    const startServer = async () => {
      const child = start('kube-apiserver', [
        ...['--bind-address', '127.0.0.1', '--secure-port', String(apiPort), '--cert-dir', certificates],
        ...['--etcd-servers', etcd, '--service-cluster-ip-range', '10.96.0.0/16', '--profiling=false'],
        ...['--service-account-issuer', 'https://kubernetes.default.svc'],
        ...['--service-account-key-file', path('service-account.pub')],
        ...['--service-account-signing-key-file', path('service-account.key')],
        ...['--authorization-mode', 'RBAC', '--token-auth-file', path('tokens.csv')],
        // No controller makes service accounts here, and pods are refused without.
        ...['--disable-admission-plugins', 'ServiceAccount'],
      ])
      await waitUntilReady(child, `${url}/readyz`, tokens.admin, caPath, path('kube-apiserver.log'))
      return child
    }
    let server = await startServer()

    const kubeconfigPath = path('kubeconfig')
    await write('kubeconfig', kubeconfig(url, caPath, tokens.admin))
    const restart = async () => {
      await endProcess(server)
      server = await startServer()
    }
    return { kubeconfigPath, url, caPath, tokens, restart, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export function kubeconfig(server: string, caPath: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caPath } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  })
}

/** Where the programs of the local cluster are: etcd, kube-apiserver, kubectl. */
export function clusterBin(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const bin = process.env['VALENCE_CLUSTER_BIN'] ?? join(cache, 'valence', 'cluster', 'bin')
  for (const program of ['etcd', 'kube-apiserver'])
    if (!existsSync(join(bin, program)))
      throw new Error(
        `no ${program} in ${bin}: run dev/cluster/build.sh, or name the directory of etcd and kube-apiserver in VALENCE_CLUSTER_BIN`,
      )
  return bin
}

async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports as [number, number, number]
}

async function waitUntilReady(
  child: ChildProcess,
  url: string,
  token: string,
  caPath: string,
  log: string,
): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
      const tail = (await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-20).join('\n')
      throw new Error(`the API server ${child.exitCode === null ? 'did not get ready in time' : 'ended'}:\n${tail}`)
    }
    if (await isReady(url, token, caPath)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function isReady(url: string, token: string, caPath: string): Promise<boolean> {
  const ca = await readFile(caPath).catch(() => undefined)
  if (!ca) return false
  return new Promise((resolve) => {
    const attempt = request(url, { ca, headers: { authorization: `Bearer ${token}` }, timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    attempt.on('timeout', () => attempt.destroy())
    attempt.on('error', () => resolve(false))
    attempt.end()
  })
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}
