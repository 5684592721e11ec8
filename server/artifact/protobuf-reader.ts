/**
 * A pull reader of the protobuf wire format (https://protobuf.dev/programming-guides/encoding/) over a file. It keeps one
 * small window in memory and steps over what nobody asks for: a model's weights are hundreds of megabytes in a few fields.
 */
import { readSync } from 'node:fs'

const WINDOW_BYTES = 64 * 1024

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

export interface Field {
  number: number
  wire: number
  /** Value of a varint; otherwise 0. */
  value: number
  /** Range of the payload in the file; empty for a varint. */
  start: number
  end: number
}

export class MalformedProtobufError extends Error {
  override readonly name = 'MalformedProtobufError'
}

export class ProtobufReader {
  readonly #fd: number
  readonly #window = new Uint8Array(WINDOW_BYTES)
  #windowStart = 0
  #windowEnd = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** The fields of the message in [start, end), in file order. */
  *fields(start: number, end: number): Generator<Field> {
    let position = start
    while (position < end) {
      const key = this.#varint(position, end)
      const number = Math.floor(key.value / 8)
      const wire = key.value % 8
      if (number === 0) throw new MalformedProtobufError(`field number 0 at byte ${position}`)
      position = key.next
      switch (wire) {
        case WIRE.varint: {
          const varint = this.#varint(position, end)
          yield { number, wire, value: varint.value, start: varint.next, end: varint.next }
          position = varint.next
          break
        }
        case WIRE.fixed64:
        case WIRE.fixed32: {
          const next = position + (wire === WIRE.fixed64 ? 8 : 4)
          if (next > end) throw new MalformedProtobufError(`a field ends beyond its message at byte ${position}`)
          yield { number, wire, value: 0, start: position, end: next }
          position = next
          break
        }
        case WIRE.bytes: {
          const length = this.#varint(position, end)
          const next = length.next + length.value
          if (next > end) throw new MalformedProtobufError(`a field ends beyond its message at byte ${position}`)
          yield { number, wire, value: 0, start: length.next, end: next }
          position = next
          break
        }
        default:
          // 3 and 4 are groups, which no ONNX writer has ever written.
          throw new MalformedProtobufError(`wire type ${wire} at byte ${position}`)
      }
    }
  }

  /** Values beyond 2^53 (negative int64) lose their low bits, which is enough to compare and to step. */
  #varint(position: number, end: number): { value: number; next: number } {
    let value = 0
    let factor = 1
    for (let next = position; next < end && next < position + 10; next++) {
      const byte = this.#byte(next)
      value += (byte & 0x7f) * factor
      factor *= 128
      if (byte < 0x80) return { value, next: next + 1 }
    }
    throw new MalformedProtobufError(`unfinished number at byte ${position}`)
  }

  #byte(position: number): number {
    if (position < this.#windowStart || position >= this.#windowEnd) {
      this.#windowStart = position
      this.#windowEnd = position + readSync(this.#fd, this.#window, 0, WINDOW_BYTES, position)
    }
    const byte = this.#window[position - this.#windowStart]
    if (byte === undefined || position >= this.#windowEnd) {
      throw new MalformedProtobufError(`the file ends at byte ${position}`)
    }
    return byte
  }
}
