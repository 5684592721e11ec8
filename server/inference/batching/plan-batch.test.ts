import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costModel, unmeasuredCost, type CostModel } from './cost-model.ts'
import { BATCH_RULES, planBatch } from './plan-batch.ts'

/** A fixed cost for each run: company always pays. */
const paying: CostModel = { seconds: ({ rows, length }) => 1 + 0.001 * rows * length }
const ALL = 1_000

describe('a batch', () => {
  test('is the worked example', () => {
    const cost = costModel([
      { rows: 1, length: 16, seconds: 0.002 },
      { rows: 2, length: 16, seconds: 0.0034 },
    ])
    expect(planBatch([16, 15, 24], cost, ALL)).toEqual([0, 1])
  })

  test('is the oldest text alone where nothing is gained', () => {
    for (let length = 1; length <= 512; length++)
      expect(planBatch(Array<number>(16).fill(length), unmeasuredCost(), ALL)).toEqual([0])
    expect(planBatch([], paying, ALL)).toEqual([])
  })

  test('takes the nearest lengths first, and of one length those that came first', () => {
    const rules = { ...BATCH_RULES, maxRows: 3 }
    expect(planBatch([20, 18, 20, 20, 21], paying, ALL, rules)).toEqual([0, 2, 3])
  })

  test('leaves other idle workers their share', () => {
    expect(planBatch([20, 20, 20, 20], paying, 2)).toEqual([0, 1])
    expect(planBatch([20, 20], paying, 1)).toEqual([0])
  })

  test('is as large as makes its tokens cheapest, not as large as it may be', () => {
    // Beyond four rows each further one costs more than a run of its own.
    const cost: CostModel = { seconds: ({ rows }) => (rows <= 4 ? 1 : rows) }
    expect(planBatch(Array<number>(10).fill(20), cost, ALL)).toEqual([0, 1, 2, 3])
  })

  test('a text beyond the budget runs alone', () => {
    expect(planBatch([600, 600], paying, ALL)).toEqual([0])
  })
})

describe('for all that may wait', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 100 })
  const near = fc.array(fc.integer({ min: 10, max: 24 }), { minLength: 1, maxLength: 100 })
  const waiting = fc.oneof(lengths, near)
  const share = fc.integer({ min: 1, max: 40 })

  test('the bounds are kept, and the oldest is always in: nothing starves', () => {
    fc.assert(
      fc.property(waiting, share, (all, rows) => {
        const batch = planBatch(all, paying, rows)
        const own = batch.map((index) => all[index] ?? NaN)
        const padded = own.length * Math.max(...own)
        expect(batch[0]).toBe(0)
        expect(new Set(batch).size).toBe(batch.length)
        expect(batch).toEqual([...batch].sort((a, b) => a - b))
        expect(batch.length).toBeLessThanOrEqual(Math.min(BATCH_RULES.maxRows, rows))
        expect(Math.max(...batch)).toBeLessThan(BATCH_RULES.window)
        if (batch.length > 1) {
          expect(padded).toBeLessThanOrEqual(BATCH_RULES.maxPaddedTokens)
          expect(own.reduce((sum, length) => sum + length, 0) / padded).toBeGreaterThanOrEqual(
            BATCH_RULES.minEfficiency,
          )
        }
      }),
    )
  })

  test('of one length nobody is overtaken', () => {
    fc.assert(
      fc.property(waiting, share, (all, rows) => {
        const batch = new Set(planBatch(all, paying, rows))
        for (const index of batch) {
          const earlier = all.slice(0, index).flatMap((length, at) => (length === all[index] ? [at] : []))
          expect(earlier.every((at) => batch.has(at))).toBe(true)
        }
      }),
    )
  })

  test('everything runs after at most as many batches as texts were there before, whatever comes meanwhile', () => {
    fc.assert(
      fc.property(waiting, fc.infiniteStream(fc.integer({ min: 10, max: 24 })), (all, later) => {
        const queue = all.map((length, id) => ({ length, id }))
        for (let batches = 0; batches < all.length; batches++) {
          const taken = new Set(
            planBatch(
              queue.map(({ length }) => length),
              paying,
              ALL,
            ),
          )
          const left = queue.filter((_, index) => !taken.has(index))
          queue.splice(0, queue.length, ...left, { length: later.next().value ?? 10, id: NaN })
        }
        expect(queue.filter(({ id }) => !Number.isNaN(id))).toEqual([])
      }),
    )
  })

  test('a batch never costs more than its texts one by one', () => {
    const measured = costModel([
      { rows: 1, length: 8, seconds: 0.0014 },
      { rows: 16, length: 8, seconds: 0.0122 },
      { rows: 1, length: 128, seconds: 0.0135 },
      { rows: 4, length: 128, seconds: 0.06 },
    ])
    fc.assert(
      fc.property(waiting, (all) => {
        const own = planBatch(all, measured, ALL).map((index) => all[index] ?? NaN)
        const alone = own.reduce((sum, length) => sum + measured.seconds({ rows: 1, length }), 0)
        const together = measured.seconds({ rows: own.length, length: Math.max(...own) })
        expect(together).toBeLessThanOrEqual(alone * (1 + 1e-9))
      }),
    )
  })
})
