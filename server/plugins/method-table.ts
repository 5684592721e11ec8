import type { FastifyInstance } from 'fastify'

export interface MethodTable {
  /** Methods of the routes that this path matches; none where it matches no route. */
  of(path: string): string[]
}

/** Routers answer 404 to a known path with another method; the protocol's answer is 405 with the methods that there are. */
export function createMethodTable(app: FastifyInstance): MethodTable {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    for (const name of [method].flat()) known.add(name)
    methods.set(url, known)
  })
  return {
    of(path) {
      const allowed = new Set<string>()
      for (const [pattern, names] of methods) {
        if (matches(pattern.split('/'), path.split('/'))) for (const name of names) allowed.add(name)
      }
      return [...allowed].sort()
    },
  }
}

/** `:name` stands for one segment, a last `*` for any rest. */
function matches(pattern: string[], path: string[]): boolean {
  if (pattern.at(-1) === '*') {
    const head = pattern.slice(0, -1)
    return path.length >= pattern.length && matches(head, path.slice(0, head.length))
  }
  return (
    pattern.length === path.length &&
    pattern.every((part, index) => (part.startsWith(':') ? path[index] !== '' : part === path[index]))
  )
}
