/** Writes the CustomResourceDefinitions to crds/ and into the chart, where Helm installs them and never deletes them. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { definitions } from './v1alpha1/definitions.ts'

const HEADER = '# Generated from operator/api by `npm run generate`: change it there.\n'
const root = join(import.meta.dirname, '..', '..')

for (const directory of ['crds', join('charts', 'valence', 'crds')]) {
  await mkdir(join(root, directory), { recursive: true })
  for (const definition of definitions) {
    const yaml = stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false })
    await writeFile(join(root, directory, `${definition.metadata.name}.yaml`), HEADER + yaml)
  }
}
