/** A batch as the model takes it: rows of token ids, the shorter ones padded on the right and masked out. */

export interface BatchTensors {
  inputIds: BigInt64Array
  attentionMask: BigInt64Array
  rows: number
  length: number
}

export function batchTensors(rows: readonly Int32Array[], padId: number): BatchTensors {
  const length = rows.reduce((longest, row) => Math.max(longest, row.length), 0)
  const inputIds = new BigInt64Array(rows.length * length).fill(BigInt(padId))
  const attentionMask = new BigInt64Array(rows.length * length)
  rows.forEach((row, index) => {
    const offset = index * length
    row.forEach((id, position) => {
      inputIds[offset + position] = BigInt(id)
    })
    attentionMask.fill(1n, offset, offset + row.length)
  })
  return { inputIds, attentionMask, rows: rows.length, length }
}
