/** Writes small ONNX models. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
import { bytes, message, number, text, type Message } from './protobuf-writer.ts'

const DATA_TYPE = { float: 1, uint8: 2, int8: 3, int64: 7 } as const
const ATTRIBUTE_INT = 2
const ATTRIBUTE_INTS = 7

/** Operators of ONNX Runtime beside the standard's. */
export const CONTRIBUTED = 'com.microsoft'

type Values = Float32Array | Int8Array | Uint8Array | BigInt64Array

function dataTypeOf(values: Values): number {
  if (values instanceof Float32Array) return DATA_TYPE.float
  if (values instanceof Uint8Array) return DATA_TYPE.uint8
  return values instanceof Int8Array ? DATA_TYPE.int8 : DATA_TYPE.int64
}

export function tensor(name: string, dims: number[], values: Values): Message {
  return message(
    ...dims.map((dim) => number(1, dim)),
    number(2, dataTypeOf(values)),
    text(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  )
}

/** A float tensor whose values lie in another file. */
export function externalTensor(name: string, dims: number[], location: string): Message {
  return message(
    ...dims.map((dim) => number(1, dim)),
    number(2, DATA_TYPE.float),
    text(8, name),
    bytes(13, message(text(1, 'location'), text(2, location))),
    number(14, 1),
  )
}

export function node(
  op: string,
  inputs: string[],
  output: string | string[],
  attributes: Record<string, number | number[]> = {},
  domain = '',
): Message {
  return message(
    ...inputs.map((input) => text(1, input)),
    ...[output].flat().map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    text(7, domain),
  )
}

const attribute = (name: string, value: number | number[]): Message =>
  Array.isArray(value)
    ? message(text(1, name), ...value.map((one) => number(8, one)), number(20, ATTRIBUTE_INTS))
    : message(text(1, name), number(3, value), number(20, ATTRIBUTE_INT))

/** A node with a tensor attribute, as Constant has. */
export function constantNode(output: string, value: Message): Message {
  return message(
    text(2, output),
    text(4, 'Constant'),
    bytes(5, message(text(1, 'value'), bytes(5, value), number(20, 4))),
  )
}

export function valueInfo(name: string, type: keyof typeof DATA_TYPE, dims: (string | number)[]): Message {
  const shape = message(...dims.map((dim) => bytes(1, typeof dim === 'number' ? number(1, dim) : text(2, dim))))
  return message(text(1, name), bytes(2, message(bytes(1, message(number(1, DATA_TYPE[type]), bytes(2, shape))))))
}

export function model(graph: {
  nodes: Message[]
  initializers: Message[]
  inputs: Message[]
  outputs: Message[]
}): Uint8Array {
  return message(
    number(1, 8),
    bytes(
      7,
      message(
        ...graph.nodes.map((entry) => bytes(1, entry)),
        text(2, 'tiny'),
        ...graph.initializers.map((entry) => bytes(5, entry)),
        ...graph.inputs.map((entry) => bytes(11, entry)),
        ...graph.outputs.map((entry) => bytes(12, entry)),
      ),
    ),
    bytes(8, message(number(2, 17))),
    bytes(8, message(text(1, CONTRIBUTED), number(2, 1))),
  )
}
