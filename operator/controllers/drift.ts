/** Fields whose meaning changes with every key that someone adds: a selector with one more key selects other pods. */
const WHOLE: ReadonlySet<string> = new Set(['selector', 'nodeSelector'])

/**
 * Whether an object already is as desired: every field that we state has our value. Fields that we do not state belong to others
 * (defaults, status, other managers). Equal means no write.
 */
export function isApplied(desired: unknown, observed: unknown): boolean {
  if (desired === undefined) return true
  if (Array.isArray(desired)) {
    if (!Array.isArray(observed) || desired.length !== observed.length)
      return desired.length === 0 && observed === undefined
    return desired.every((item, index) => isApplied(item, observed[index]))
  }
  if (typeof desired === 'object' && desired !== null) {
    const entries = Object.entries(desired)
    if (typeof observed !== 'object' || observed === null) return entries.length === 0
    return entries.every(([key, value]) => {
      const found = (observed as Record<string, unknown>)[key]
      return isApplied(value, found) && (!WHOLE.has(key) || isApplied(found, value))
    })
  }
  return desired === observed || sameQuantity(desired, observed)
}

/** The API server writes quantities in its own form: "1000m" comes back as "1". */
function sameQuantity(desired: unknown, observed: unknown): boolean {
  const [a, b] = [quantity(desired), quantity(observed)]
  return a !== undefined && b !== undefined && Math.abs(a - b) <= Math.abs(a) * 1e-12
}

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
} // prettier-ignore

function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?$/.exec(value)
  return match ? Number(match[1]) * (SUFFIXES[match[2] ?? ''] ?? 1) : undefined
}
