/**
 * Writes the JSON Schemas that the trainer validates with, out of the zod schemas that the operator and the server use.
 * Usage: node dev/generate-schemas.ts
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { trainerSpec } from '../contract/job-spec.ts'
import { trainerResult } from '../contract/termination.ts'
import { manifest } from '../server/artifact/manifest.ts'

const directory = new URL('../trainer/valence_trainer/schemas/', import.meta.url)

const schemas: Record<string, unknown> = {
  // Input mode: fields with a default may be absent, and the schema tells the trainer the default.
  'trainer-spec.schema.json': z.toJSONSchema(trainerSpec, { io: 'input' }),
  'manifest.schema.json': z.toJSONSchema(manifest),
  'termination.schema.json': z.toJSONSchema(trainerResult),
}

await mkdir(directory, { recursive: true })
for (const [name, schema] of Object.entries(schemas)) {
  await writeFile(new URL(name, directory), `${JSON.stringify(schema, null, 2)}\n`)
}
