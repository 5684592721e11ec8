import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { clusterBin } from './api-server.ts'

/** Those of the real controllers that act on what the operator makes. */
const CONTROLLERS = [
  'job-controller',
  'deployment-controller',
  'replicaset-controller',
  'garbage-collector-controller',
  'persistentvolumeclaim-protection-controller',
]

/** At its fastest: it looks each second, and scales down at once. */
const AUTOSCALING = {
  controllers: ['horizontal-pod-autoscaler-controller'],
  flags: [
    '--horizontal-pod-autoscaler-sync-period=1s',
    '--horizontal-pod-autoscaler-downscale-stabilization=1s',
    '--horizontal-pod-autoscaler-initial-readiness-delay=1s',
  ],
}

const STOP_TIMEOUT_MS = 5_000

/** A real kube-controller-manager: Jobs and Deployments get their pods, and children go with their owners. */
export function startControllerManager(
  kubeconfigPath: string,
  { isAutoscaling = false } = {},
): { stop: () => Promise<void> } {
  const more = isAutoscaling ? AUTOSCALING : { controllers: [], flags: [] }
  const child = spawn(
    join(clusterBin(), 'kube-controller-manager'),
    [
      ...['--kubeconfig', kubeconfigPath, '--leader-elect=false', '--secure-port=0', '--profiling=false'],
      ...['--kube-api-qps=200', '--kube-api-burst=400'],
      ...['--controllers', [...CONTROLLERS, ...more.controllers].join(',')],
      ...more.flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  // Its last words are the only clue when it ends by itself.
  const tail: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail.push(text)
    if (tail.length > 50) tail.shift()
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let isStopping = false
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      process.off('exit', kill)
      if (isStopping) resolve()
      else reject(new Error(`kube-controller-manager ended with ${code ?? 'a signal'}:\n${tail.join('')}`))
    })
  })
  exited.catch(() => undefined) // told to whoever stops it
  return {
    stop: async () => {
      isStopping = true
      child.kill('SIGTERM')
      const timer = setTimeout(kill, STOP_TIMEOUT_MS)
      await exited
      clearTimeout(timer)
    },
  }
}
