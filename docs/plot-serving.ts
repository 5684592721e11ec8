/** The pictures of docs/benchmarks/serving.md, as SVG: how much each server answers, and how late when it is asked more and more. */
import { frame, legend, n, picture, text, ticks } from './svg.ts'

const WIDTH = 880
const LEFT = 64
const RIGHT = 24

const COLOURS: Readonly<Record<string, string>> = {
  'bare, int8': '#222222',
  'bare, fp32': '#777777',
  'valence, int8': '#1f6fb4',
  'valence, fp32': '#7fb3dd',
  'onnx-python, int8': '#2e7d32',
  'onnx-python, fp32': '#8bc48f',
  'onnx-python-batching, int8': '#b8860b',
  'infinity, fp32': '#7b3fa0',
  'original, fp32': '#b3261e',
  'original-tuned, fp32': '#e08a85',
}
const OTHER_COLOUR = '#444444'
const colourOf = (name: string) => COLOURS[name] ?? OTHER_COLOUR

export interface Bars {
  name: string
  bars: readonly { name: string; value: number }[]
}

const BAR = { height: 16, gap: 4, left: 190, right: 70 }

/** A group of bars for each workload; within a group the longest is the whole width. */
export function drawSaturation(groups: readonly Bars[]): string {
  let top = 48
  const parts = [text(LEFT, 24, 'Answers a second, at the best of all loads', 'title')]
  for (const { name, bars } of groups) {
    const most = Math.max(...bars.map(({ value }) => value))
    parts.push(text(LEFT, top + 4, `${name} texts`))
    top += 12
    for (const bar of bars) {
      const width = most > 0 ? (bar.value / most) * (WIDTH - BAR.left - BAR.right) : 0
      parts.push(
        text(BAR.left - 8, top + BAR.height - 4, bar.name, 'end'),
        `<rect class="bar" x="${n(BAR.left)}" y="${n(top)}" width="${n(width)}" height="${n(BAR.height)}" fill="${colourOf(bar.name)}"/>`,
        text(BAR.left + width + 6, top + BAR.height - 4, bar.value.toFixed(bar.value < 100 ? 1 : 0)),
      )
      top += BAR.height + BAR.gap
    }
    top += 24
  }
  return picture(WIDTH, top, 'Answers a second of each server', parts)
}

export interface Lines {
  name: string
  lines: readonly { name: string; points: readonly { x: number; y: number }[] }[]
}

const PANEL = { height: 200, gap: 64 }
/** Of p99 in milliseconds: below and above nobody looks. */
const SCALE = { low: 5, high: 5000, marks: [10, 50, 100, 250, 1000, 5000] }

/** A diagram for each workload: p99 over the rate that was offered. */
export function drawLatency(groups: readonly Lines[]): string {
  const names = [...new Set(groups.flatMap(({ lines }) => lines.map(({ name }) => name)))]
  const rows = Array.from({ length: Math.ceil(names.length / 4) }, (_, row) => names.slice(4 * row, 4 * row + 4))
  const first = 56 + rows.length * 18
  const parts = [
    text(LEFT, 24, 'p99 over the offered rate, from when requests were due', 'title'),
    ...rows.flatMap((row, index) =>
      legend(WIDTH - RIGHT, 44 + index * 18, Object.fromEntries(row.map((name) => [name, colourOf(name)]))),
    ),
  ]
  groups.forEach(({ name, lines }, index) => {
    const top = first + index * (PANEL.height + PANEL.gap)
    const most = Math.max(1, ...lines.flatMap(({ points }) => points.map(({ x }) => x)))
    const x = (rate: number) => LEFT + (rate / most) * (WIDTH - LEFT - RIGHT)
    const y = (ms: number) => top + PANEL.height * (1 - logShare(ms))
    parts.push(
      text(LEFT, top - 8, `${name} texts`),
      ...frame({ left: LEFT, right: WIDTH - RIGHT, top, height: PANEL.height, y }, 'p99, ms', SCALE.marks, String),
      ...ticks(most).map((rate) => text(x(rate), top + PANEL.height + 16, String(rate), 'middle')),
      text((LEFT + WIDTH - RIGHT) / 2, top + PANEL.height + 34, 'requests a second', 'middle'),
      ...lines.map((line) => pathOf(line, x, y)),
    )
  })
  return picture(WIDTH, first + groups.length * (PANEL.height + PANEL.gap), 'p99 of each server', parts)
}

function pathOf(
  { name, points }: Lines['lines'][number],
  x: (rate: number) => number,
  y: (ms: number) => number,
): string {
  const path = points
    .toSorted((a, b) => a.x - b.x)
    .map((point, index) => `${index === 0 ? 'M' : 'L'}${n(x(point.x))} ${n(y(point.y))}`)
  return `<path class="server" d="${path.join('')}" fill="none" stroke="${colourOf(name)}" stroke-width="2"><title>${name}</title></path>`
}

/** 0 to 1 from the lowest to the highest. */
function logShare(ms: number): number {
  const { low, high } = SCALE
  return Math.log(Math.min(high, Math.max(low, ms)) / low) / Math.log(high / low)
}
