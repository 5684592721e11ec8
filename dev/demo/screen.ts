/** Progress on a terminal: drawn anew in its place, or, where the output is a file or a pipe, told when there is news. */
import type { Frame } from './view.ts'

export interface Screen {
  show(frame: Frame): void
  /** Leaves what is shown where it is, and goes on below. */
  say(line: string): void
}

/** A log without a sign of life for longer looks as if it hung. */
const QUIET_MS = 15_000

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

export function createScreen(output: Output, now: () => number = () => performance.now()): Screen {
  let drawn = 0
  let told = { news: '', at: -Infinity }
  const draw = ({ lines }: Frame) => {
    const width = (output.columns ?? 80) - 1
    const up = drawn === 0 ? '' : `\u001b[${String(drawn)}A\u001b[J`
    // A line that the terminal wraps takes two, and the next drawing would begin one too low.
    const rows = lines.flatMap((line) => wrap(line, width))
    output.write(`${up}${rows.map((line) => `${line}\n`).join('')}`)
    drawn = rows.length
  }
  const tell = ({ news, lines }: Frame) => {
    if (news !== told.news) output.write(`  ... ${news}\n`)
    else if (now() - told.at >= QUIET_MS) output.write(lines.map((line) => `${line}\n`).join(''))
    else return
    told = { news, at: now() }
  }
  return {
    show: output.isTTY === true ? draw : tell,
    say: (line) => {
      drawn = 0
      output.write(`${line}\n`)
    },
  }
}

/** What goes on is put below the text, not below its name. */
const INDENT = ' '.repeat(12)

function wrap(line: string, width: number): string[] {
  if (line.length <= width) return [line]
  const space = line.lastIndexOf(' ', width)
  const cut = space > INDENT.length ? space : width
  const rest = line.slice(cut).trimStart()
  return rest === '' || width <= INDENT.length + 1
    ? [line.slice(0, width)]
    : [line.slice(0, cut), ...wrap(INDENT + rest, width)]
}
