/**
 * Finds tensors of an ONNX model whose values lie outside its file. Such a model reads paths that no digest covers, and an
 * older runtime followed them out of the directory, so it is refused before any runtime opens it.
 *
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { MalformedProtobufError, ProtobufReader, WIRE } from './protobuf-reader.ts'

type Message = 'Model' | 'Graph' | 'Node' | 'Attribute' | 'Tensor' | 'SparseTensor' | 'Function' | 'Training'

/** The fields through which a tensor is reached from the model. */
const CHILDREN: Record<Message, Readonly<Record<number, Message>>> = {
  Model: { 7: 'Graph', 20: 'Training', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 15: 'SparseTensor' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'SparseTensor', 23: 'SparseTensor' },
  Tensor: {},
  SparseTensor: { 1: 'Tensor', 2: 'Tensor' },
  Function: { 7: 'Node', 11: 'Attribute' },
  Training: { 1: 'Graph', 2: 'Graph' },
}

const TENSOR_EXTERNAL_DATA = 13
const TENSOR_DATA_LOCATION = 14
const DATA_LOCATION_EXTERNAL = 1
/** Subgraphs of subgraphs; real models have two or three levels of them, each takes three messages. */
const MAX_DEPTH = 100

export type OnnxScan =
  { kind: 'self-contained' } | { kind: 'external-data'; byte: number } | { kind: 'malformed'; reason: string }

export function scanOnnx(path: string): OnnxScan {
  const fd = openSync(path, 'r')
  try {
    const reader = new ProtobufReader(fd)
    let graphs = 0

    const findExternal = (message: Message, start: number, end: number, depth: number): number | undefined => {
      if (depth > MAX_DEPTH) throw new MalformedProtobufError(`graphs nested deeper than ${MAX_DEPTH} messages`)
      for (const field of reader.fields(start, end)) {
        if (message === 'Tensor') {
          if (field.number === TENSOR_EXTERNAL_DATA) return field.start
          if (field.number === TENSOR_DATA_LOCATION && field.value === DATA_LOCATION_EXTERNAL) return field.start
          continue
        }
        const child = CHILDREN[message][field.number]
        if (child === undefined) continue
        if (field.wire !== WIRE.bytes)
          throw new MalformedProtobufError(`field ${field.number} of ${message} is no message`)
        if (message === 'Model' && child === 'Graph') graphs++
        const found = findExternal(child, field.start, field.end, depth + 1)
        if (found !== undefined) return found
      }
      return undefined
    }

    const byte = findExternal('Model', 0, fstatSync(fd).size, 0)
    if (byte !== undefined) return { kind: 'external-data', byte }
    return graphs === 0 ? { kind: 'malformed', reason: 'it holds no graph' } : { kind: 'self-contained' }
  } catch (error) {
    if (error instanceof MalformedProtobufError) return { kind: 'malformed', reason: error.message }
    throw error
  } finally {
    closeSync(fd)
  }
}
