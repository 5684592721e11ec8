/**
 * Turns the OpenAPI document of a Kubernetes version and CustomResourceDefinitions into JSON Schemas that kubeconform can use
 * without the internet: `<out>/<group>/<kind>_<version>.json`, strict (an unknown field is an error), each complete in itself.
 *
 *   node openapi-to-schemas.ts --out DIR [--swagger swagger.json] [crd.yaml ...]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseAllDocuments } from 'yaml'

type Json = string | number | boolean | null | Json[] | JsonObject
interface JsonObject {
  [key: string]: Json
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objectAt = (parent: JsonObject, key: string): JsonObject => {
  const value = parent[key]
  return isObject(value) ? value : {}
}

const { values: options, positionals: crdFiles } = parseArgs({
  options: { swagger: { type: 'string' }, out: { type: 'string' } },
  allowPositionals: true,
})
const out = options.out
if (out === undefined) throw new Error('--out DIR is missing')

let written = 0
function write(group: string, version: string, kind: string, schema: JsonObject): void {
  // kubeconform calls the group of the core API by its version.
  const file = join(out ?? '', group === '' ? version : group, `${kind.toLowerCase()}_${version}.json`)
  mkdirSync(dirname(file), { recursive: true })
  // Draft 4 is what OpenAPI 3.0 was made from: exclusiveMinimum is a boolean in both.
  writeFileSync(file, JSON.stringify({ $schema: 'http://json-schema.org/draft-04/schema#', ...schema }))
  written++
}

/** Keywords that say nothing of validity, or that `strict` writes anew. */
const TRANSLATED = new Set(['description', 'default', 'example', 'externalDocs', 'properties', 'format', 'nullable'])

/** Closes every object that lists its properties, and translates the few keywords that OpenAPI 3.0 has and JSON Schema has not. */
function strict(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(strict)
  if (!isObject(schema)) return schema
  const { properties, format, nullable } = schema
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(schema))
    if (!TRANSLATED.has(key) && !key.startsWith('x-')) result[key] = strict(value)
  if (isObject(properties)) {
    result['properties'] = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, strict(value)]))
    if (!('additionalProperties' in schema) && schema['x-kubernetes-preserve-unknown-fields'] !== true)
      result['additionalProperties'] = false
  }
  if (format === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true) {
    delete result['anyOf']
    result['type'] = ['integer', 'string']
  }
  if (nullable === true && typeof result['type'] === 'string') result['type'] = [result['type'], 'null']
  return result
}

/** The schema of one kind with what it refers to, directly or not. */
function standalone(name: string, definitions: Map<string, JsonObject>): JsonObject {
  const used: JsonObject = {}
  const visit = (definition: string): void => {
    if (definition in used) return
    const schema = definitions.get(definition)
    if (schema === undefined) throw new Error(`the OpenAPI document has no definition ${definition}`)
    used[definition] = schema
    for (const [, reference] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) visit(reference ?? '')
  }
  visit(name)
  return { $ref: `#/definitions/${name}`, definitions: used }
}

/** The definitions that some kind is named by; quantities may be written as numbers too. */
function readSwagger(file: string): void {
  const document = JSON.parse(readFileSync(file, 'utf8')) as JsonObject
  const source = objectAt(document, 'definitions')
  const definitions = new Map<string, JsonObject>()
  for (const [name, schema] of Object.entries(source)) definitions.set(name, strict(schema) as JsonObject)
  definitions.set('io.k8s.apimachinery.pkg.api.resource.Quantity', { type: ['string', 'number'] })

  for (const [name, schema] of Object.entries(source)) {
    if (!isObject(schema)) continue
    const kinds = schema['x-kubernetes-group-version-kind']
    // ListOptions and its like are named by every group, and are no objects to apply.
    if (!Array.isArray(kinds) || kinds.length !== 1 || !('kind' in objectAt(schema, 'properties'))) continue
    const [{ group, version, kind }] = kinds as [{ group: string; version: string; kind: string }]
    const definition = structuredClone(definitions.get(name) ?? {})
    Object.assign(objectAt(definition, 'properties'), {
      apiVersion: { enum: [group === '' ? version : `${group}/${version}`] },
      kind: { enum: [kind] },
    })
    definition['required'] = ['apiVersion', 'kind', ...((definition['required'] ?? []) as string[])]
    write(group, version, kind, standalone(name, new Map(definitions).set(name, definition)))
  }
}

function readCrd(file: string): void {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
    const error = document.errors[0]
    if (error !== undefined) throw new Error(`${file}: ${error.message}`)
    const crd = document.toJS() as JsonObject
    if (crd['kind'] !== 'CustomResourceDefinition') throw new Error(`${file}: not a CustomResourceDefinition`)
    const spec = objectAt(crd, 'spec')
    for (const version of spec['versions'] as JsonObject[]) {
      const schema = strict(objectAt(objectAt(version, 'schema'), 'openAPIV3Schema')) as JsonObject
      Object.assign(objectAt(schema, 'properties'), {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
      })
      write(spec['group'] as string, version['name'] as string, objectAt(spec, 'names')['kind'] as string, schema)
    }
  }
}

if (options.swagger !== undefined) readSwagger(options.swagger)
for (const file of crdFiles) readCrd(file)
console.log(`${String(written)} schemas in ${out}`)
