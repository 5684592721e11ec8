/** What the demo applies, one after the other. Pure. */
import { WEARS_OUT } from '../faults/kinds.ts'

/** As a user writes it: without the fields that have defaults. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; annotations?: Record<string, string> }
  spec: Record<string, unknown>
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Thousands of requests in a minute or two is what the demo's callers send: enough for this and for no much finer judgement. */
const ROLLOUT = {
  shadow: { sample: 20, minRequests: 150 },
  steps: [
    { weight: 5, minRequests: 60 },
    { weight: 25, minRequests: 150 },
    { weight: 50, minRequests: 300 },
  ],
  analysis: { minRequests: 300, tolerableFailureRate: 0.02, latencySLO: '1s' },
  readyDeadline: '5m',
}

/** Stable, candidate and a training beside each other on two cores. */
const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } }

/**
 * The manifest that made the model what it is, or where it was made otherwise, the model as it stands. Without what a demo that was
 * interrupted has left in it.
 */
export function appliedManifest(model: Manifest): Manifest {
  const written = model.metadata.annotations?.[LAST_APPLIED]
  const { apiVersion, kind, metadata, spec } = written === undefined ? model : (JSON.parse(written) as Manifest)
  const manifest = { apiVersion, kind, metadata: { name: metadata.name }, spec }
  if (imageOf(manifest)?.includes('valence-faulty') !== true) return manifest
  const { image: _image, resources: _resources, ...serving } = spec['serving'] as Record<string, unknown>
  return withSpec(manifest, { serving })
}

/** What its serving pods are to run; undefined: the server of the chart. */
export const imageOf = ({ spec }: Manifest): string | undefined =>
  (spec['serving'] as { image?: string } | undefined)?.image

/** The same version, by pods that can break: only a version that asks for a fault has one. */
export const breakable = (manifest: Manifest, image: string): Manifest =>
  withSpec(manifest, { serving: { ...(manifest.spec['serving'] as object | undefined), image, resources: RESOURCES } })

/** A new version, trained in seconds: fewer rows and shorter texts than the quickstart's, and only the last layers learn. */
export const trained = (manifest: Manifest, token: string): Manifest =>
  withSpec(manifest, {
    source: {
      train: {
        baseModel: { uri: 'pvc://quickstart-data/all-MiniLM-L6-v2' },
        dataset: { uri: 'pvc://quickstart-data/mr', samples: 3000 },
        hyperparameters: {
          epochs: 1,
          batchSize: 16,
          learningRate: '3e-4',
          headLearningRate: '2e-3',
          dropout: '0',
          maxLength: 48,
          freeze: { embeddings: true, layers: 4 },
        },
        retrainToken: token,
      },
    },
    gates: { minAccuracy: 0.65 },
    rollout: ROLLOUT,
  })

/** The weights of a good version once more, in seconds; what breaks is the server that has them. */
export const broken = (manifest: Manifest, { claim, version }: { claim: string; version: string }): Manifest =>
  withSpec(manifest, {
    source: { import: { uri: `pvc://${claim}/${version}/checkpoint`, maxLength: WEARS_OUT.maxLength } },
    // An import brings no rows to be measured on.
    gates: {},
  })

const withSpec = (manifest: Manifest, spec: Record<string, unknown>): Manifest => ({
  ...manifest,
  spec: { ...manifest.spec, ...spec },
})
