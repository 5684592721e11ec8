/** A CustomResourceDefinition from the zod schema of the whole object. */
import { z } from 'zod'
import { API_GROUP, API_VERSION } from '../../contract/names.ts'
import { fields, type FieldFacts } from './field.ts'

export interface CrdNames {
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortName: string
}

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** 1: shown with `-o wide` only. */
  readonly priority?: 1
}

/** Where the scale subresource finds its numbers: what `kubectl scale` and autoscalers read and write. */
export interface ScalePaths {
  readonly specReplicasPath: string
  readonly statusReplicasPath: string
  /** A label selector as text, of the pods that are measured. */
  readonly labelSelectorPath: string
}

type Node = z.core.JSONSchema.BaseSchema & Partial<FieldFacts>
type Structural = Record<string, unknown>

const MAX_INT32 = 2_147_483_647

const structuralFields: Readonly<Record<string, Structural>> = {
  apiVersion: { type: 'string', description: 'The API group and version of this object.' },
  kind: { type: 'string', description: 'The kind of this object.' },
  metadata: { type: 'object' },
}

/** Keys that mean the same in JSON Schema and in a structural schema. */
const SHARED_KEYS = [
  'default',
  'enum',
  'format',
  'minimum',
  'exclusiveMinimum',
  'maximum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
] as const

/**
 * A structural schema has no `additionalProperties: false` (unknown fields are refused or pruned by the API server itself)
 * and no free `anyOf`.
 */
function structural(node: Node, path: string): Structural {
  if (node.description === undefined) throw new Error(`${path} has no description`)
  const result: Structural = { description: node.description }
  if (node.isIntOrString === true) {
    result['anyOf'] = [{ type: 'integer' }, { type: 'string' }]
    result['x-kubernetes-int-or-string'] = true
  } else {
    if (typeof node.type !== 'string') throw new Error(`${path} has no single type: ${JSON.stringify(node)}`)
    result['type'] = node.type
  }
  for (const key of SHARED_KEYS) if (node[key] !== undefined) result[key] = node[key]
  if (node.type === 'integer') result['format'] ??= (node.maximum ?? Infinity) <= MAX_INT32 ? 'int32' : 'int64'
  if (node.type === 'array') {
    if (node.listType === undefined) throw new Error(`${path} is a list without listType`)
    result['x-kubernetes-list-type'] = node.listType
    if (node.listMapKeys !== undefined) result['x-kubernetes-list-map-keys'] = node.listMapKeys
    result['items'] = structural(node.items as Node, `${path}[]`)
  }
  if (node.mapType !== undefined) result['x-kubernetes-map-type'] = node.mapType
  if (node.properties !== undefined) {
    result['properties'] = Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [name, structural(child as Node, `${path}.${name}`)]),
    )
    if (node.required !== undefined && node.required.length > 0) result['required'] = node.required
  } else if (typeof node.additionalProperties === 'object') {
    result['additionalProperties'] = structural(node.additionalProperties, `${path}{}`)
  }
  if (node.rules !== undefined && node.rules.length > 0) {
    result['x-kubernetes-validations'] = node.rules.map(({ cel, message, at }) => ({
      rule: cel,
      message,
      ...(at === undefined ? {} : { fieldPath: `.${at.join('.')}` }),
    }))
  }
  return result
}

/** The root: what the API server itself knows of an object is named, not described. */
function rootSchema(schema: z.ZodType, kind: string): Structural {
  const node = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', metadata: fields }) as Node
  const { properties = {}, ...root } = node
  const own = Object.keys(properties).filter((name) => structuralFields[name] === undefined)
  const result = structural(
    {
      ...root,
      properties: Object.fromEntries(own.map((name) => [name, properties[name]])) as never,
      required: ['spec'],
    },
    kind,
  )
  result['properties'] = { ...structuralFields, ...(result['properties'] as Structural) }
  return result
}

export function customResourceDefinition(
  schema: z.ZodType,
  names: CrdNames,
  columns: readonly PrinterColumn[],
  scale?: ScalePaths,
) {
  const { kind, plural, singular, shortName } = names
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['valence'] },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(scale && { scale }) },
          additionalPrinterColumns: [
            ...columns,
            {
              name: 'Age',
              type: 'date',
              jsonPath: '.metadata.creationTimestamp',
              description: 'Since when it exists.',
            },
          ],
          schema: { openAPIV3Schema: rootSchema(schema, kind) },
        },
      ],
    },
  }
}
