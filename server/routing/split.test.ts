import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { routing, type Routing } from '../../contract/routing.ts'
import { chosenVersion, isShadowed, splitKey } from './split.ts'

const routingOf = (more: Partial<Routing> = {}): Routing => ({
  ...routing.parse({ epoch: 1, stable: 'reviews-old', candidate: 'reviews-new', endpoints: {} }),
  ...more,
})
const perMille = fc.integer({ min: 0, max: 1000 })
const key = fc.string({ maxLength: 60 })
const keys = Array.from({ length: 20_000 }, (_, index) => `caller-${index}`)

/** Standard errors between the observed share and the wanted one. */
function deviation(hits: number, wanted: number): number {
  const share = wanted / 1000
  return Math.abs(hits / keys.length - share) / Math.sqrt((share * (1 - share)) / keys.length)
}

describe('the split', () => {
  test('a higher share never moves a caller back to stable', () => {
    fc.assert(
      fc.property(key, perMille, perMille, (caller, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)]
        const isCandidate = (share: number) => chosenVersion(routingOf({ perMille: share }), caller) === 'reviews-new'
        expect(!isCandidate(low) || isCandidate(high)).toBe(true)
      }),
    )
  })

  test('the choice is the same however often it is made, and whatever else the file says', () => {
    fc.assert(
      fc.property(key, perMille, fc.nat(), (caller, share, epoch) => {
        const choice = chosenVersion(routingOf({ perMille: share }), caller)
        expect(chosenVersion(routingOf({ perMille: share, epoch, shadowPerMille: 500 }), caller)).toBe(choice)
      }),
    )
  })

  test('none at 0, all at 1000, none without a candidate', () => {
    fc.assert(
      fc.property(key, (caller) => {
        expect(chosenVersion(routingOf({ perMille: 0 }), caller)).toBe('reviews-old')
        expect(chosenVersion(routingOf({ perMille: 1000 }), caller)).toBe('reviews-new')
        const { candidate: _candidate, ...alone } = routingOf({ perMille: 1000 })
        expect(chosenVersion(alone, caller)).toBe('reviews-old')
      }),
    )
  })

  // 3.9 standard errors: one of 10,000 honest splits is outside. The keys are fixed, so a pass stays one.
  test.each([1, 10, 50, 250, 500, 999])('%i of a thousand is what callers get, within the binomial band', (share) => {
    for (const candidate of ['reviews-new', 'reviews-1a2b3c', 'x']) {
      const file = routingOf({ candidate, perMille: share })
      const hits = keys.filter((caller) => chosenVersion(file, caller) === candidate).length
      expect(deviation(hits, share)).toBeLessThan(3.9)
    }
  })

  test('other callers come first in another rollout', () => {
    const first = (candidate: string) =>
      keys.filter((caller) => chosenVersion(routingOf({ candidate, perMille: 100 }), caller) === candidate)
    const before = new Set(first('reviews-a'))
    const again = first('reviews-b').filter((caller) => before.has(caller))
    // A tenth of a tenth, as chance has it.
    expect(deviation(again.length, 10)).toBeLessThan(3.9)
  })

  test('every pod of every release makes the same choice', () => {
    const chosen = keys
      .slice(0, 400)
      .filter((caller) => chosenVersion(routingOf({ perMille: 10 }), caller) === 'reviews-new')
    expect(chosen).toMatchInlineSnapshot(`
      [
        "caller-54",
        "caller-87",
        "caller-393",
      ]
    `)
  })
})

describe('the shadow', () => {
  test('its sample has the wanted share, and is independent of the split', () => {
    const file = routingOf({ perMille: 200, shadowPerMille: 300 })
    const shadowed = keys.filter((caller) => isShadowed(file, caller))
    expect(deviation(shadowed.length, 300)).toBeLessThan(3.9)
    const both = shadowed.filter((caller) => chosenVersion(file, caller) === 'reviews-new')
    expect(deviation(both.length, 60)).toBeLessThan(3.9)
  })

  test('none at 0, all at 1000, none without a candidate', () => {
    expect(keys.some((caller) => isShadowed(routingOf(), caller))).toBe(false)
    expect(keys.every((caller) => isShadowed(routingOf({ shadowPerMille: 1000 }), caller))).toBe(true)
    const { candidate: _candidate, ...alone } = routingOf({ shadowPerMille: 1000 })
    expect(keys.some((caller) => isShadowed(alone, caller))).toBe(false)
  })
})

describe('the key', () => {
  test.each<[string, Partial<Routing>, Record<string, string>, string]>([
    ['is the request id', {}, { 'x-user': 'u1' }, 'r-1'],
    ["is the sticky header's value where there is one", { stickyHeader: 'x-user' }, { 'x-user': 'u1' }, 'u1'],
    ['is the request id where the sticky header is absent', { stickyHeader: 'x-user' }, {}, 'r-1'],
    ['is the request id where every object has something of that name', { stickyHeader: 'constructor' }, {}, 'r-1'],
    ['is the request id where the sticky header is empty', { stickyHeader: 'x-user' }, { 'x-user': '' }, 'r-1'],
  ])('%s', (_, more, headers, expected) => {
    expect(splitKey(routingOf(more), headers, 'r-1')).toBe(expected)
  })
})
