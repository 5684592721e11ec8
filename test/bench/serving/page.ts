/** The figures and pictures of docs/benchmarks/serving.md, out of serving.json. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawLatency, drawSaturation } from '../../../docs/plot-serving.ts'
import { pageWithFigures } from '../figures-in-page.ts'
import { writeFormatted } from '../formatted-file.ts'
import { FIGURES } from './figures.ts'
import { openSteps, saturationOf, type Who } from './ratios.ts'
import { readResults, type Results, type Run } from './results.ts'
import { WORKLOADS } from './workloads.ts'

export const PAGE_FILE = 'docs/benchmarks/serving.md'
const IMAGES = 'docs/images'

export async function pageWith(results: Results, page: string): Promise<string> {
  const figures = Object.entries(FIGURES).map(([name, figure]) => [name, figure(results)] as const)
  const pictures = Object.keys(picturesOf(results)).map(
    (name) => [`picture ${name}`, `![${ALT[name] ?? name}](../images/${name}.svg)`] as const,
  )
  const none = Object.keys(ALT).map((name) => [`picture ${name}`, undefined] as const)
  return pageWithFigures(PAGE_FILE, page, Object.fromEntries([...figures, ...none, ...pictures]))
}

export async function writePage(): Promise<void> {
  const results = readResults()
  mkdirSync(IMAGES, { recursive: true })
  for (const [name, picture] of Object.entries(picturesOf(results))) writeFileSync(join(IMAGES, `${name}.svg`), picture)
  await writeFormatted(PAGE_FILE, await pageWith(results, readFileSync(PAGE_FILE, 'utf8')))
}

const ALT: Record<string, string> = {
  'serving-saturation': 'Answers a second of each server, as a share of the bare run',
  'serving-latency': 'p99 of each server over the offered rate',
}

/** Only of what was measured. */
export function picturesOf({ runs = [] }: Results): Record<string, string> {
  const closed = runs.filter(({ part }) => part === 'closed')
  const open = runs.filter(({ part }) => part === 'open')
  const saturation = WORKLOADS.flatMap((workload) => {
    const bars = whoOf(closed).flatMap((who) => {
      const value = saturationOf(closed, who, workload)
      return value === undefined ? [] : [{ name: `${who.server}, ${who.precision}`, value }]
    })
    return bars.length === 0 ? [] : [{ name: workload, bars }]
  })
  const latency = WORKLOADS.flatMap((workload) => {
    const lines = whoOf(open).map((who) => ({
      name: `${who.server}, ${who.precision}`,
      points: openSteps(open, who, workload).map(({ offeredRps, p99Ms }) => ({ x: offeredRps, y: p99Ms })),
    }))
    const drawn = lines.filter(({ points }) => points.length > 0)
    return drawn.length === 0 ? [] : [{ name: workload, lines: drawn }]
  })
  return {
    ...(saturation.length > 0 && { 'serving-saturation': drawSaturation(saturation) }),
    ...(latency.length > 0 && { 'serving-latency': drawLatency(latency) }),
  }
}

function whoOf(runs: readonly Run[]): Who[] {
  return [...new Map(runs.map(({ server, precision }) => [`${server} ${precision}`, { server, precision }])).values()]
}
