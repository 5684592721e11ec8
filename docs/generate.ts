/**
 * Writes docs/reference/fields.md, the reference of every field of our resources, out of crds/*.yaml.
 * Usage: node docs/generate.ts (`npm run generate` does it after the CRDs)
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { parse } from 'yaml'

/** What is read here of a structural schema. */
interface Schema {
  type?: string
  description?: string
  default?: unknown
  enum?: unknown[]
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-validations'?: { rule: string; message?: string }[]
}
interface Crd {
  spec: {
    group: string
    names: { kind: string; plural: string; shortNames?: string[] }
    versions: { name: string; schema: { openAPIV3Schema: Schema } }[]
  }
}

const crds = new URL('../crds/', import.meta.url)
const target = new URL('reference/fields.md', import.meta.url)

const code = (text: string): string => `\`${text}\``
/** Inside a table a bar ends the cell, and a bare `<name>` would vanish as an HTML tag. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

function typeOf(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string'
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(' ')
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'any' : typeOf(schema.items)}`
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`
  return schema.type ?? 'any'
}

function boundsOf({ minimum, maximum, minItems, maxItems }: Schema): string {
  const range = (low: number | undefined, high: number | undefined, unit: string): string => {
    if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`
    if (low !== undefined) return `at least ${low}${unit}`
    return high === undefined ? '' : `at most ${high}${unit}`
  }
  return [range(minimum, maximum, ''), range(minItems, maxItems, ' items')].filter((text) => text !== '').join('; ')
}

interface Row {
  path: string
  schema: Schema
  isRequired: boolean
}

/** The field itself and, in the order of the schema, all that is below it. */
function* rowsOf(path: string, schema: Schema, isRequired: boolean): Generator<Row> {
  yield { path, schema, isRequired }
  yield* rowsBelow(path, schema)
}
function* rowsBelow(path: string, schema: Schema): Generator<Row> {
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* rowsOf(`${path}.${name}`, property, schema.required?.includes(name) ?? false)
  if (schema.items !== undefined) yield* rowsBelow(`${path}[]`, schema.items)
  if (typeof schema.additionalProperties === 'object') yield* rowsBelow(`${path}.<key>`, schema.additionalProperties)
}

/** The messages of the rules of a field and of the items of a list: a rule without one is told by its expression. */
const rulesOf = (schema: Schema): string[] => [
  ...(schema['x-kubernetes-validations'] ?? []).map(({ rule, message }) => message ?? code(rule)),
  ...(schema.items === undefined ? [] : rulesOf(schema.items)),
]

function line({ path, schema, isRequired }: Row): string {
  const rules = rulesOf(schema)
  const type = [typeOf(schema), boundsOf(schema)].filter((text) => text !== '').join(', ')
  const standard = schema.default === undefined ? '' : code(JSON.stringify(schema.default))
  const description = [schema.description ?? '', ...rules.map((rule) => `_${rule}._`)].join(' ')
  return `| ${code(path)} | ${cell(type)} | ${isRequired ? 'required' : cell(standard)} | ${cell(description)} |`
}

function sectionsOf(crd: Crd): string[] {
  const { names, group, versions } = crd.spec
  const [version] = versions
  if (version === undefined) throw new Error(`${names.kind} has no version`)
  const root = version.schema.openAPIV3Schema
  const shortNames = (names.shortNames ?? []).map(code).join(', ')
  const sections = [
    `## ${names.kind}`,
    `${code(`${group}/${version.name}`)}, resource ${code(names.plural)}, short name ${shortNames}. ${root.description ?? ''}`,
    ...rulesOf(root).map((rule) => `- ${cell(rule)}`),
  ]
  for (const part of ['spec', 'status'] as const) {
    const schema = root.properties?.[part]
    if (schema === undefined) continue
    sections.push(
      `### ${names.kind}.${part}`,
      schema.description ?? '',
      ...rulesOf(schema).map((rule) => `- ${cell(rule)}`),
    )
    sections.push(
      [
        '| Field | Type | Default | Meaning |',
        '| --- | --- | --- | --- |',
        ...Array.from(rowsBelow(part, schema), line),
      ].join('\n'),
    )
  }
  return sections
}

// The resource that users write comes first.
const files = (await readdir(crds))
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .reverse()
const documents = await Promise.all(
  files.map(async (name) => parse(await readFile(new URL(name, crds), 'utf8')) as Crd),
)
const text = [
  '<!-- Generated from crds/ by `npm run generate`. -->',
  '# Reference of the fields',
  'What `kubectl explain` says, on one page. Sentences in italics are rules that the API server checks when you apply.',
  ...documents.flatMap(sectionsOf),
].join('\n\n')

await mkdir(new URL('.', target), { recursive: true })
await writeFile(target, `${text}\n`)
