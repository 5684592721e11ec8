/** Our CustomResourceDefinitions, put on an API server that has none yet. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { parse } from 'yaml'
import { modelVersions, sentimentModels } from '../../../operator/controllers/resources.ts'
import type { KubeClient } from '../../../operator/kube/client.ts'
import { customResourceDefinitions, type CustomResourceDefinition } from '../../../operator/kube/resource.ts'

const crds = join(import.meta.dirname, '..', '..', '..', 'crds')

export async function installCustomResources(client: KubeClient): Promise<void> {
  for (const file of await readdir(crds)) {
    const crd = parse(await readFile(join(crds, file), 'utf8')) as CustomResourceDefinition
    await client.apply(customResourceDefinitions, crd, { fieldManager: 'test', force: true })
  }
  const isServed = async () => {
    for (const resource of [sentimentModels, modelVersions]) expect(await client.hasResource(resource)).toBe(true)
  }
  await vi.waitFor(isServed, { timeout: 45_000, interval: 200 })
}
