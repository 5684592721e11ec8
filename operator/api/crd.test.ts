import { expect, test } from 'vitest'
import { z } from 'zod'
import { customResourceDefinition } from './crd.ts'
import { field } from './field.ts'

const names = { kind: 'Thing', plural: 'things', singular: 'thing', shortName: 'th' }
const define = (spec: z.ZodType) =>
  customResourceDefinition(field(z.strictObject({ spec }), 'A thing.'), names, []).spec.versions[0]?.schema
    .openAPIV3Schema['properties'] as Record<string, unknown>

test('a field becomes a structural schema with its default, bounds and rules', () => {
  const spec = field(
    z.strictObject({
      size: field(z.int().min(1).max(9), 'A size.', {
        rules: [{ cel: 'self != 5', message: 'size must not be 5', holds: (size) => size !== 5 }],
      }).default(3),
      name: field(z.string().max(5), 'A name.'),
    }),
    'What is wanted.',
    { transitions: [{ cel: 'self == oldSelf', message: 'frozen' }] },
  )
  expect(define(spec)['spec']).toEqual({
    type: 'object',
    description: 'What is wanted.',
    required: ['name'],
    properties: {
      size: {
        type: 'integer',
        format: 'int32',
        description: 'A size.',
        default: 3,
        minimum: 1,
        maximum: 9,
        'x-kubernetes-validations': [{ rule: 'self != 5', message: 'size must not be 5' }],
      },
      name: { type: 'string', description: 'A name.', maxLength: 5 },
    },
    'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'frozen' }],
  })
})

test('the default of an object is empty, because the API server fills in the defaults within it', () => {
  const inner = field(z.strictObject({ on: field(z.boolean(), 'Whether.').default(true) }), 'Inner.')
  const spec = field(z.strictObject({ inner: inner.prefault({}) }), 'What is wanted.')
  expect(define(spec)['spec']).toMatchObject({
    properties: { inner: { default: {}, properties: { on: { default: true } } } },
  })
})

test('a field without a description is refused', () => {
  const spec = field(z.strictObject({ silent: z.string() }), 'What is wanted.')
  expect(() => define(spec)).toThrow('Thing.spec.silent has no description')
})

test('a list without a list type is refused, because server-side apply would not know how to merge it', () => {
  const spec = field(z.strictObject({ list: field(z.array(field(z.string(), 'One.')), 'Many.') }), 'What is wanted.')
  expect(() => define(spec)).toThrow('Thing.spec.list is a list without listType')
})

test('a field that a structural schema cannot express is refused', () => {
  const spec = field(z.strictObject({ either: field(z.union([z.int(), z.string()]), 'Either.') }), 'What is wanted.')
  expect(() => define(spec)).toThrow('Thing.spec.either has no single type')
})

test('a rule about a field below names that field in the CRD and in the error', () => {
  const spec = field(z.strictObject({ version: field(z.string(), 'V.').optional() }), 'What is wanted.', {
    rules: [{ at: ['version'], cel: 'has(self.version)', message: 'needed', holds: (value) => 'version' in value }],
  })
  expect(define(spec)['spec']).toMatchObject({
    'x-kubernetes-validations': [{ rule: 'has(self.version)', message: 'needed', fieldPath: '.version' }],
  })
  expect(spec.safeParse({}).error?.issues[0]?.path).toEqual(['version'])
})
