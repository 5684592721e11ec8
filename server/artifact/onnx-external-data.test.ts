import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { constantNode, externalTensor, model, node, tensor } from '../testing/onnx-writer.ts'
import { bytes, message, number, text, type Message } from '../testing/protobuf-writer.ts'
import { tinyOnnx } from '../testing/tiny-model.ts'
import { scanOnnx } from './onnx-external-data.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'

const directory = temporaryDirectory('onnx')

function scan(content: Uint8Array) {
  const path = join(directory, 'model.onnx')
  writeFileSync(path, content)
  return scanOnnx(path).kind
}

const empty = { nodes: [], initializers: [], inputs: [], outputs: [] }
const external = externalTensor('w', [2], 'weights.bin')
const graphWith = (...fields: Message[]): Message => message(...fields)
const modelWith = (...fields: Message[]): Message => message(number(1, 8), ...fields)

test('a model that holds all its values is self-contained', () => {
  expect(scan(tinyOnnx('fp32'))).toBe('self-contained')
  expect(scan(tinyOnnx('int8'))).toBe('self-contained')
})

test('values larger than the reading window are stepped over', () => {
  const weights = tensor('w', [100_000], new Float32Array(100_000).fill(1))
  expect(scan(model({ ...empty, initializers: [weights, tensor('b', [1], Float32Array.of(1))] }))).toBe(
    'self-contained',
  )
  expect(scan(model({ ...empty, initializers: [weights, external] }))).toBe('external-data')
})

test.each<[string, Message]>([
  ['an initializer', model({ ...empty, initializers: [external] })],
  ['a constant', model({ ...empty, nodes: [constantNode('c', external)] })],
  [
    'a tensor list of an attribute',
    modelWith(bytes(7, graphWith(bytes(1, message(bytes(5, message(bytes(10, external)))))))),
  ],
  [
    'a subgraph',
    modelWith(bytes(7, graphWith(bytes(1, message(bytes(5, message(bytes(6, graphWith(bytes(5, external)))))))))),
  ],
  [
    'one of several subgraphs',
    modelWith(bytes(7, graphWith(bytes(1, message(bytes(5, message(bytes(11, graphWith(bytes(5, external)))))))))),
  ],
  ['a sparse initializer', modelWith(bytes(7, graphWith(bytes(15, message(bytes(1, external))))))],
  [
    'indices of a sparse attribute',
    modelWith(bytes(7, graphWith(bytes(1, message(bytes(5, message(bytes(22, message(bytes(2, external)))))))))),
  ],
  ['a function', modelWith(bytes(7, graphWith()), bytes(25, message(bytes(7, constantNode('c', external)))))],
  [
    'training information',
    modelWith(bytes(7, graphWith()), bytes(20, message(bytes(1, graphWith(bytes(5, external)))))),
  ],
  ['a location without entries', model({ ...empty, initializers: [message(text(8, 'w'), number(14, 1))] })],
  ['entries without a location', model({ ...empty, initializers: [message(text(8, 'w'), bytes(13, message()))] })],
])('external data is found in %s', (_, content) => {
  expect(scan(content)).toBe('external-data')
})

test('a truncated model is malformed', () => {
  const content = tinyOnnx('fp32')
  expect(scan(content.subarray(0, content.length - 30))).toBe('malformed')
  expect(scan(new Uint8Array())).toBe('malformed')
})

test('a model without a graph is malformed', () => {
  expect(scan(modelWith(text(2, 'pytorch')))).toBe('malformed')
})

test('graphs nested beyond reason are malformed, not a stack overflow', () => {
  let graph: Message = graphWith()
  for (let depth = 0; depth < 500; depth++) graph = graphWith(bytes(1, message(bytes(5, message(bytes(6, graph))))))
  expect(scan(modelWith(bytes(7, graph)))).toBe('malformed')
})

test('any bytes at all end in one of the three answers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
      expect(['self-contained', 'external-data', 'malformed']).toContain(scan(content))
    }),
    { numRuns: 300 },
  )
})

test('a node without tensors is nothing to refuse', () => {
  expect(scan(model({ ...empty, nodes: [node('Relu', ['x'], 'y')] }))).toBe('self-contained')
})
