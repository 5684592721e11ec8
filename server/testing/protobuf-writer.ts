/** Just enough of the protobuf wire format to write an ONNX model. */

export type Message = Uint8Array

const concat = (parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.from([...bytes, rest])
}

export const message = (...fields: Uint8Array[]): Message => concat(fields)
export const number = (field: number, value: number): Uint8Array => concat([varint(field * 8), varint(value)])
export const bytes = (field: number, value: Uint8Array): Uint8Array =>
  concat([varint(field * 8 + 2), varint(value.length), value])
export const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value))
