/** A batch as the model takes it: rows of token ids, the shorter ones padded on the right and masked out. */

/** Token ids of all rows, one row after the other: one array costs the threads that pass it on less than many. */
export interface Rows {
  ids: Int32Array
  lengths: readonly number[]
}

export interface BatchTensors {
  inputIds: BigInt64Array
  attentionMask: BigInt64Array
  rows: number
  length: number
}

export function joinRows(rows: readonly Int32Array[]): Rows {
  const lengths = rows.map((row) => row.length)
  const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
  let end = 0
  for (const row of rows) {
    ids.set(row, end)
    end += row.length
  }
  return { ids, lengths }
}

export function batchTensors({ ids, lengths }: Rows, padId: number): BatchTensors {
  const length = Math.max(0, ...lengths)
  const inputIds = new BigInt64Array(lengths.length * length)
  const attentionMask = new BigInt64Array(lengths.length * length)
  // Ids are not negative and fit in 32 bits: the low halves of the 64 are all there is to write, without a BigInt for each.
  const lowIds = lowHalves(inputIds)
  const lowMask = lowHalves(attentionMask)
  let start = 0
  lengths.forEach((own, row) => {
    const offset = row * length
    for (let position = 0; position < length; position++) {
      const isText = position < own
      lowIds[2 * (offset + position)] = isText ? (ids[start + position] ?? padId) : padId
      lowMask[2 * (offset + position)] = isText ? 1 : 0
    }
    start += own
  })
  return { inputIds, attentionMask, rows: lengths.length, length }
}

/** Of a little-endian machine, as all are that ONNX Runtime has binaries for. */
const lowHalves = (values: BigInt64Array): Int32Array => new Int32Array(values.buffer)
