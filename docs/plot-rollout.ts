/**
 * Draws rollouts that were recorded (`npm run demo:canary -- --record <file>`) as SVG, one picture each: the weight that was wanted and
 * the share that was observed, the evidence, and the failures, over time.
 * Usage: node docs/plot-rollout.ts <recording.json> [<folder>]    (docs/images/ otherwise)
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { recording, type Act, type Point } from '../dev/demo/recording.ts'
import { escaped, frame, legend, n, picture, text, ticks } from './svg.ts'

const WIDTH = 880
const LEFT = 64
const RIGHT = 24
const INNER = WIDTH - LEFT - RIGHT
const TOP = 64
const GAP = 44
const PANELS = { weight: 150, evidence: 170, failures: 110 } as const
/** Evidence beyond this decides nothing any more. */
const EVIDENCE = { low: 1e-4, high: 1e5 } as const
const COLOURS = { wanted: '#555555', observed: '#1f6fb4', harm: '#b3261e', ratio: '#1f6fb4', rate: '#2e7d32' } as const

interface Panel {
  top: number
  height: number
  x: (at: number) => number
  y: (value: number) => number
}

/** The picture of one rollout; the same for the same recording, byte for byte. */
export function drawRollout(act: Act): string {
  const begin = Date.parse(act.points[0]?.at ?? act.end.at)
  const seconds = (at: string) => (Date.parse(at) - begin) / 1000
  const last = act.points.at(-1)
  const duration = Math.max(1, seconds(act.end.at), last ? seconds(last.at) : 0)
  const x = (at: number) => LEFT + (at / duration) * INNER
  const panel = (top: number, height: number, scale: (value: number) => number): Panel => ({
    top,
    height,
    x,
    y: (value) => top + height * (1 - Math.min(1, Math.max(0, scale(value)))),
  })
  const failures = Math.max(1, ...act.points.flatMap(({ candidate, stable }) => [candidate.failures, stable.failures]))
  const shares = act.points.flatMap(({ weight, observed }) => [weight, observed?.high ?? 0])
  // Of a promotion the last step is what there is to see; all of the traffic would only press it down.
  const top = Math.min(100, Math.max(10, ...shares))
  const panels = {
    weight: panel(TOP, PANELS.weight, (value) => value / top),
    evidence: panel(TOP + PANELS.weight + GAP, PANELS.evidence, logShare),
    failures: panel(TOP + PANELS.weight + PANELS.evidence + 2 * GAP, PANELS.failures, (value) => value / failures),
  }
  const bottom = panels.failures.top + PANELS.failures
  const points = act.points.map((point) => ({ ...point, seconds: seconds(point.at) }))
  const parts = [
    text(LEFT, 24, titleOf(act), 'title'),
    text(
      LEFT,
      42,
      `${act.from} is stable, ${act.candidate} is new; callers: ${String(act.callers.sent)} requests, ${String(act.callers.failed)} failed`,
    ),
    ...phaseBands(points, duration, bottom, x),
    ...frameOf(panels.weight, 'percent of requests', ticks(top), (value) => String(value)),
    ...interval(points, panels.weight),
    steps(points, panels.weight, ({ weight }) => weight, COLOURS.wanted, 'wanted'),
    line(points, panels.weight, ({ observed }) => observed?.weight, COLOURS.observed, isSameWeight),
    ...legend(WIDTH - RIGHT - 4, 24, { wanted: COLOURS.wanted, 'observed, 99.9 % interval': COLOURS.observed }),
    ...frameOf(panels.evidence, 'evidence', [1e-4, 1e-2, 1, 1e2, 1e4], power),
    threshold(panels.evidence, act.needed.harm, `roll back at ${String(act.needed.harm)}`, COLOURS.harm),
    threshold(panels.evidence, act.needed.pass, `pass at ${String(act.needed.pass)}`, COLOURS.rate),
    ...(['harm', 'ratio', 'rate'] as const).map((test) =>
      line(points, panels.evidence, ({ eValues }) => eValues?.[test], COLOURS[test]),
    ),
    ...legend(WIDTH - RIGHT - 4, panels.evidence.top - 8, {
      harm: COLOURS.harm,
      ratio: COLOURS.ratio,
      rate: COLOURS.rate,
    }),
    ...frameOf(panels.failures, 'failures', ticks(failures), (value) => String(value)),
    steps(points, panels.failures, ({ stable }) => stable.failures, COLOURS.wanted, 'stable'),
    steps(points, panels.failures, ({ candidate }) => candidate.failures, COLOURS.harm, 'candidate'),
    ...legend(WIDTH - RIGHT - 4, panels.failures.top - 8, { candidate: COLOURS.harm, stable: COLOURS.wanted }),
    ...timeAxis(duration, bottom, x),
    endMark(x(Math.min(duration, Math.max(0, seconds(act.end.at)))), bottom, act.end.outcome),
  ]
  return picture(WIDTH, bottom + 48, titleOf(act), parts)
}

type Timed = Point & { seconds: number }

function titleOf({ end, candidate }: Act): string {
  return end.outcome === 'Promoted'
    ? `${candidate} takes over (${end.reason})`
    : `${candidate} is given up: ${end.outcome} (${end.reason})`
}

/** 0 to 1 from the lowest evidence that is shown to the highest. */
function logShare(value: number): number {
  const { low, high } = EVIDENCE
  return Math.log(Math.max(value, low) / low) / Math.log(high / low)
}

/** Where phase or step are the same: a band in turn, with its name. */
function phaseBands(points: readonly Timed[], duration: number, bottom: number, x: Panel['x']): string[] {
  const nameOf = ({ phase, step, weight }: Timed) =>
    phase === 'Stepping' ? `step ${String(step ?? 1)}: ${String(weight)} %` : phase
  const begins = points.filter((point, index) => {
    const before = points[index - 1]
    return before === undefined || nameOf(before) !== nameOf(point)
  })
  return begins.flatMap((point, index) => {
    const [from, to] = [x(point.seconds), x(begins[index + 1]?.seconds ?? duration)]
    const shade = index % 2 === 0 ? '#f4f4f4' : '#e9edf2'
    const band = `<rect x="${n(from)}" y="${n(TOP)}" width="${n(to - from)}" height="${n(bottom - TOP)}" fill="${shade}"/>`
    // A name that does not fit its band would run into the next one.
    const hasRoom = to - from > nameOf(point).length * 6.2
    return [band, ...(hasRoom ? [text((from + to) / 2, TOP - 6, nameOf(point), 'middle')] : [])]
  })
}

const frameOf = (
  { top, height, y }: Panel,
  name: string,
  values: readonly number[],
  label: (value: number) => string,
): string[] => frame({ left: LEFT, right: WIDTH - RIGHT, top, height, y }, name, values, label)

/** What holds from one look until the next. */
function steps(
  points: readonly Timed[],
  { x, y }: Panel,
  of: (point: Timed) => number,
  colour: string,
  id: string,
): string {
  const path = points
    .map((point, index) =>
      index === 0 ? `M${n(x(point.seconds))} ${n(y(of(point)))}` : `H${n(x(point.seconds))}V${n(y(of(point)))}`,
    )
    .join('')
  return `<path class="${id}" d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`
}

/** What is measured at each look; broken off where there was nothing to measure, or where what it is about has changed. */
function line(
  points: readonly Timed[],
  { x, y }: Panel,
  of: (point: Timed) => number | undefined,
  colour: string,
  isOn: (before: Timed, point: Timed) => boolean = () => true,
): string {
  let before: Timed | undefined
  const path = points.map((point) => {
    const value = of(point)
    const move = before && isOn(before, point) ? 'L' : 'M'
    before = value === undefined ? undefined : point
    return value === undefined ? '' : `${move}${n(x(point.seconds))} ${n(y(value))}`
  })
  return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"/>`
}

const isSameWeight = (before: Timed, point: Timed) => before.weight === point.weight

function interval(points: readonly Timed[], { x, y }: Panel): string[] {
  return points.flatMap(({ seconds, observed }) =>
    observed
      ? [
          `<path d="M${n(x(seconds))} ${n(y(observed.low))}V${n(y(observed.high))}" stroke="${COLOURS.observed}" stroke-opacity="0.35" stroke-width="4"/>`,
        ]
      : [],
  )
}

const threshold = ({ y }: Panel, value: number, name: string, colour: string): string =>
  [
    `<path d="M${n(LEFT)} ${n(y(value))}H${n(WIDTH - RIGHT)}" stroke="${colour}" stroke-dasharray="5 4"/>`,
    // The two are close together: one name above its line, one below.
    text(LEFT + 6, y(value) + (colour === COLOURS.harm ? -4 : 13), name),
  ].join('\n')

function timeAxis(duration: number, bottom: number, x: Panel['x']): string[] {
  return [
    ...ticks(duration).map((value) => text(x(value), bottom + 16, String(value), 'middle')),
    text(LEFT + INNER / 2, bottom + 36, 'seconds', 'middle'),
  ]
}

const endMark = (at: number, bottom: number, outcome: string): string =>
  `<path d="M${n(at)} ${n(TOP)}V${n(bottom)}" stroke="#222222" stroke-dasharray="2 3"><title>${escaped(outcome)}</title></path>`

const power = (value: number) => (value === 1 ? '1' : `1e${String(Math.round(Math.log10(value)))}`)

function main([file, folder = join(import.meta.dirname, 'images')]: readonly string[]): void {
  if (file === undefined) throw new Error('usage: node docs/plot-rollout.ts <recording.json> [<folder>]')
  mkdirSync(folder, { recursive: true })
  for (const act of recording.parse(JSON.parse(readFileSync(file, 'utf8'))).acts) {
    const image = join(folder, `${act.name}.svg`)
    writeFileSync(image, drawRollout(act))
    console.log(image)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
