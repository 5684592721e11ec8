import { expect, test } from 'vitest'
import { batchTensors, joinRows } from './tensors.ts'

test('shorter rows are padded on the right and masked out', () => {
  const batch = batchTensors(joinRows([Int32Array.of(2, 9, 3), Int32Array.of(2, 3)]), 7)
  expect(batch).toEqual({
    inputIds: BigInt64Array.of(2n, 9n, 3n, 2n, 3n, 7n),
    attentionMask: BigInt64Array.of(1n, 1n, 1n, 1n, 1n, 0n),
    rows: 2,
    length: 3,
  })
})
