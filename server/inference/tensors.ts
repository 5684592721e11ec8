/** A batch as the model takes it: rows of token ids, the shorter ones padded on the right and masked out. */

export interface BatchTensors {
  inputIds: BigInt64Array
  attentionMask: BigInt64Array
  rows: number
  length: number
}

export function batchTensors(rows: readonly Int32Array[], padId: number): BatchTensors {
  const length = rows.reduce((longest, row) => Math.max(longest, row.length), 0)
  const inputIds = new BigInt64Array(rows.length * length)
  const attentionMask = new BigInt64Array(rows.length * length)
  // Ids are not negative and fit in 32 bits: the low halves of the 64 are all there is to write, without a BigInt for each.
  const ids = lowHalves(inputIds)
  const mask = lowHalves(attentionMask)
  rows.forEach((row, index) => {
    const offset = index * length
    for (let position = 0; position < length; position++) {
      const isText = position < row.length
      ids[2 * (offset + position)] = isText ? (row[position] ?? padId) : padId
      mask[2 * (offset + position)] = isText ? 1 : 0
    }
  })
  return { inputIds, attentionMask, rows: rows.length, length }
}

/** Of a little-endian machine, as all are that ONNX Runtime has binaries for. */
const lowHalves = (values: BigInt64Array): Int32Array => new Int32Array(values.buffer)
