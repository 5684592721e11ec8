export type Say = (line: string) => void

const started = performance.now()

/** With the minutes since the start: a run takes more than an hour, and somebody looks at it now and then. */
export const say: Say = (line) => {
  const elapsed = Math.floor((performance.now() - started) / 1000)
  console.log(`${String(Math.floor(elapsed / 60)).padStart(3)}:${String(elapsed % 60).padStart(2, '0')}  ${line}`)
}

/** Tells what is being done and how long it took; gives the seconds. */
export async function timed<T>(what: string, act: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  say(`${what} ...`)
  const begin = performance.now()
  const value = await act()
  const seconds = rounded((performance.now() - begin) / 1000)
  say(`${what}: ${seconds} s`)
  return { value, seconds }
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))
