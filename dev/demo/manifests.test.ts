import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseSentimentModel } from '../../operator/api/v1alpha1/sentiment-model.ts'
import { desiredVersion } from '../../operator/plan/identity.ts'
import { appliedManifest, breakable, broken, imageOf, trained, type Manifest } from './manifests.ts'

const quickstart = parse(readFileSync('samples/quickstart.yaml', 'utf8')) as Manifest
const IMAGE = 'localhost/valence-faulty:0123'

function version(manifest: Manifest): string {
  const parsed = parseSentimentModel({ ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return desiredVersion(manifest.metadata.name, parsed.value.spec).name
}

test('all that is applied is valid, and is another version where it says so', () => {
  const next = trained(quickstart, 'one')
  const bad = broken(next, { claim: 'reviews-artifacts', version: version(next) })
  expect(version(breakable(quickstart, IMAGE))).toBe(version(quickstart))
  expect(version(breakable(next, IMAGE))).toBe(version(next))
  expect(new Set([quickstart, next, trained(quickstart, 'two'), bad].map(version)).size).toBe(4)
  // The storage of a model can't be changed.
  expect(bad.spec['storage']).toEqual(quickstart.spec['storage'])
})

test('begins with what was applied, without what an interrupted demo has left', () => {
  const asLive = (manifest: Manifest): Manifest => ({
    ...manifest,
    metadata: {
      name: manifest.metadata.name,
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(manifest) },
    },
    spec: { labels: ['as', 'defaulted'] },
  })
  expect(appliedManifest(asLive(quickstart))).toEqual(quickstart)
  expect(appliedManifest(quickstart)).toEqual(quickstart)
  const left = appliedManifest(asLive(breakable(quickstart, IMAGE)))
  expect(imageOf(left)).toBeUndefined()
  expect(version(left)).toBe(version(quickstart))
})
