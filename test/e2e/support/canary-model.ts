/** A model whose versions differ in nothing but the maximal length, on an image that takes some lengths for faults. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Cluster } from './cluster.ts'
import type { Manifest } from './models.ts'

const run = promisify(execFile)

/**
 * Short, so that a rollout is a matter of a minute. Two pods with a fault that begins late have given fewer than `minRequests` good answers
 * in the last step by then, so that none is promoted before: see dev/faults/inject.mjs.
 */
export const QUICK_ROLLOUT = {
  shadow: { sample: 50, minRequests: 40 },
  steps: [
    { weight: 10, minRequests: 20 },
    { weight: 50, minRequests: 50 },
  ],
  // A version that fails one request of ten is found before it may pass: test/bench/canary/partial-faults.test.ts. The objective is
  // below candidateTimeout, so that a slow version is seen as one; stable is held to it too.
  analysis: { minRequests: 200, tolerableFailureRate: 0.05, latencySLO: '1s' },
  candidateTimeout: '2s',
  readyDeadline: '60s',
}

export interface CanaryModel {
  name: string
  image: string
  rollout: Record<string, unknown>
  replicas?: number
}

/** Builds it and puts it into the cluster, unless it is there. */
export async function faultyImage({ serverImage }: Cluster): Promise<string> {
  return (await run('dev/faults/image.sh', [serverImage])).stdout.trim()
}

export const canaryManifest = (
  { name, image, rollout, replicas = 1 }: CanaryModel,
  source: Record<string, unknown>,
): Manifest => ({
  metadata: { name },
  spec: {
    labels: ['negative', 'positive'],
    source,
    storage: { size: '2Gi' },
    job: { retries: 1 },
    serving: {
      image,
      replicas,
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '640Mi' } },
    },
    rollout,
    // The first version's checkpoint is what all others are made of.
    history: { keepVersions: 50 },
  },
})

/** The weights of `first` again: only what the maximal length stands for is new. */
export const weightsAgain = (model: string, first: string, maxLength: number): Record<string, unknown> => ({
  import: { uri: `pvc://${model}-artifacts/${first}/checkpoint`, maxLength },
})
