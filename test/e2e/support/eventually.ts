/** Polls until the check passes; its last failure is the error at the deadline. */
export async function eventually<T>(what: string, seconds: number, check: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`${what}: not so within ${seconds} s: ${(error as Error).message}`, { cause: error })
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

export function assert(condition: boolean, otherwise: () => string): asserts condition {
  if (!condition) throw new Error(otherwise())
}
